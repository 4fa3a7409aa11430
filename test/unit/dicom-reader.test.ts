import { deflateRawSync } from 'node:zlib';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { encode, part10, text, tinyCt, us, type Dataset } from '../conformance/part10';

const message = (bytes: Uint8Array): string => {
  try {
    parsePart10(bytes);
    return '';
  } catch (error) {
    return (error as { notice: { what: string } }).notice.what;
  }
};

/** The dataset as Implicit VR Little Endian; no sequences. */
function implicit(dataset: Dataset): Buffer {
  const parts = [...dataset]
    .sort(([a], [b]) => a - b)
    .map(([tag, element]) => {
      const value = 'value' in element ? element.value : Buffer.alloc(0);
      const head = Buffer.alloc(8);
      head.writeUInt16LE(tag >>> 16, 0);
      head.writeUInt16LE(tag & 0xffff, 2);
      head.writeUInt32LE(value.length, 4);
      return Buffer.concat([head, value]);
    });
  return Buffer.concat(parts);
}

const withBody = (transferSyntaxUid: string, body: Buffer): Uint8Array => {
  const whole = part10(new Map([[0x00080005, text('CS', 'A')]]), transferSyntaxUid);
  const start = whole.length - encode(new Map([[0x00080005, text('CS', 'A')]])).length;
  return new Uint8Array(Buffer.concat([whole.subarray(0, start), body]));
};

describe('reading', () => {
  const dataset = tinyCt({
    signed: true,
    bitsStored: 16,
    changes: { 0x00280120: { vr: 'SS', value: Buffer.from([0x30, 0xf8]) } },
  });
  const body = encode(dataset);
  const IMPLICIT = '1.2.840.10008.1.2';
  const same = async (bytes: Uint8Array) => {
    const parsed = parsePart10(bytes);
    const { stored } = await decodeFrame(parsed);
    expect(stored).toBeInstanceOf(Int16Array);
    expect([stored[1], stored[500]]).toEqual([7, (500 * 7) % 2000]);
    expect(naturalize(parsed)).toMatchObject({
      Rows: 40,
      Columns: 48,
      PixelPaddingValue: -2000,
      Modality: 'CT',
    });
    return parsed;
  };
  test('explicit, implicit and deflated', async () => {
    await same(part10(dataset));
    await same(withBody(IMPLICIT, implicit(dataset)));
    await same(withBody('1.2.840.10008.1.2.1.99', deflateRawSync(body)));
  });
  test('without preamble, without meta, and with a transfer syntax that is not true', async () => {
    expect((await same(part10(dataset).slice(128))).oddities).toContain('no preamble');
    expect((await same(new Uint8Array(body))).transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
    expect((await same(new Uint8Array(implicit(dataset)))).transferSyntaxUid).toBe(IMPLICIT);
    expect((await same(withBody(IMPLICIT, body))).oddities).toHaveLength(1);
  });
  test('a Node Buffer, which shares its memory and slices without copying', async () => {
    const pool = Buffer.concat([Buffer.from('x'), Buffer.from(part10(dataset))]).subarray(1);
    const { stored } = await decodeFrame(parsePart10(pool));
    expect(stored.length).toBe(40 * 48);
  });
  test('UN of a standard attribute by the dictionary', () => {
    const parsed = parsePart10(
      part10(tinyCt({ changes: { 0x00280010: { vr: 'UN', value: Buffer.from([40, 0]) } } })),
    );
    expect(naturalize(parsed)['Rows']).toBe(40);
  });
  test('64-bit VRs, which some readers take for short ones', () => {
    const changes = {
      0x7fe00001: { vr: 'OV', value: Buffer.alloc(8) },
      0x00720082: { vr: 'SV', value: Buffer.alloc(8) },
    };
    expect(parsePart10(part10(tinyCt({ changes }))).dataset.get(0x7fe00001)).toMatchObject({ vr: 'OV' });
  });
});

describe('refusing', () => {
  const file = part10(tinyCt());
  test.each([
    ['nothing', new Uint8Array(0), /empty/],
    ['text', new Uint8Array(Buffer.from('hello, this is no DICOM file at all')), /not a DICOM file/],
    ['half a file', file.slice(0, 3000), /cut off: \(7FE0,0010\) needs 3840 bytes/],
    ['meta alone', file.slice(0, file.length - encode(tinyCt()).length), /no dataset|cut off/],
    [
      'an attribute twice',
      new Uint8Array(Buffer.concat([file, encode(new Map([[0x00280010, us(41)]]))])),
      /\(0028,0010\) is there twice/,
    ],
    [
      'a damaged deflate stream',
      withBody('1.2.840.10008.1.2.1.99', Buffer.from([0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
      /deflated/,
    ],
    [
      'a deflate stream cut off',
      withBody('1.2.840.10008.1.2.1.99', deflateRawSync(encode(tinyCt())).subarray(0, 900)),
      /deflated/,
    ],
    [
      'an item outside a sequence',
      new Uint8Array(Buffer.concat([file, Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0])])),
      /outside a sequence/,
    ],
  ])('%s', (_name, bytes, expected) => {
    expect(message(bytes)).toMatch(expected);
  });
  test.each([
    ['too few pixels', { 0x00280010: us(41) }, 'unreadable-dicom'],
    ['too many pixels', { 0x00280010: us(39) }, 'unreadable-dicom'],
    ['no Rows', { 0x00280010: undefined }, 'unreadable-dicom'],
    ['no pixels', { 0x7fe00010: undefined }, 'unreadable-dicom'],
    ['colour', { 0x00280002: us(3) }, 'colour'],
    ['32 bits', { 0x00280100: us(32) }, 'undecodable'],
    ['frames that are no number', { 0x00280008: text('IS', '1A') }, 'unreadable-dicom'],
  ])('to decode %s', async (_name, changes, code) => {
    await expect(decodeFrame(parsePart10(part10(tinyCt({ changes }))))).rejects.toMatchObject({
      notice: { code },
    });
  });
  test('to decode an unknown transfer syntax, whose attributes can be read', async () => {
    const encapsulated = { vr: 'OB', offsetTable: Buffer.alloc(0), fragments: [Buffer.alloc(4)] } as const;
    const parsed = parsePart10(
      part10(tinyCt({ changes: { 0x7fe00010: encapsulated } }), '1.2.840.10008.1.2.4.102'),
    );
    expect(naturalize(parsed)['Modality']).toBe('CT');
    await expect(decodeFrame(parsed)).rejects.toMatchObject({ notice: { code: 'undecodable' } });
  });
});

it('a UID that is none stays as it stands: without its letters it would be the UID of another image', () => {
  const uids = ['1.2.3', '1.2.3a', 'x1.2.3', '1.2 .3', 'dccc95'].map(uid => {
    const file = part10(tinyCt({ changes: { 0x00080018: text('UI', uid), 0x0020000e: text('UI', uid) } }));
    const { SOPInstanceUID, SeriesInstanceUID } = naturalize(parsePart10(file));
    expect([SOPInstanceUID, SeriesInstanceUID]).toEqual([uid, uid]);
    return SOPInstanceUID;
  });
  expect(new Set(uids).size).toBe(uids.length);
});
