import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { decodeFrame, parsePart10 } from '../../src/dicom';
import { absentHere } from '../absent';
import { encode, part10, text, tinyCt, us } from '../conformance/part10';

const DEFLATED = '1.2.840.10008.1.2.1.99';
const J2K = '1.2.840.10008.1.2.4.90';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const RLE = '1.2.840.10008.1.2.5';
const TRIALS = resolve(__dirname, '../../../shared/data/trials');

/** A dataset in a transfer syntax that says what its bytes are not. */
function withBody(transferSyntaxUid: string, body: Uint8Array): Uint8Array {
  const dummy = new Map([[0x00080005, text('CS', 'A')]]);
  const whole = part10(dummy, transferSyntaxUid);
  return new Uint8Array(Buffer.concat([whole.subarray(0, whole.length - encode(dummy).length), body]));
}

const what = (error: unknown) => (error as { notice: { what: string } }).notice.what;
const refusal = async (bytes: Uint8Array): Promise<string> => {
  try {
    await decodeFrame(parsePart10(bytes));
    return '';
  } catch (error) {
    return what(error);
  }
};

/** Native pixels of `megabytes`, all zero: a thousandth of them when deflated. */
const blown = (megabytes: number) =>
  withBody(
    DEFLATED,
    deflateRawSync(
      Buffer.concat([
        encode(new Map([[0x00080060, text('CS', 'CT')]])),
        Buffer.from([0xe0, 0x7f, 0x10, 0, 0x4f, 0x57, 0, 0]),
        Buffer.from(new Uint32Array([megabytes * 2 ** 20]).buffer),
        Buffer.alloc(megabytes * 2 ** 20),
      ]),
    ),
  );

describe('bytes that become larger', () => {
  it('a deflated dataset that grows a thousandfold is refused while it is inflated', () => {
    expect(() => parsePart10(blown(100))).toThrow(
      expect.objectContaining({
        notice: expect.objectContaining({ what: 'the deflated dataset is implausibly large' }),
      }),
    );
  });

  it('a blank slice deflates as well, and is read', () => {
    expect(() => parsePart10(blown(8))).not.toThrow();
  });

  it('bytes after the end of the deflated dataset are padding', () => {
    const body = deflateRawSync(encode(tinyCt({})));
    expect(() =>
      parsePart10(withBody(DEFLATED, Buffer.concat([body, Buffer.alloc(body.length % 2)]))),
    ).not.toThrow();
  });

  /** 16 bytes of SIZ after the marker: profile, then size, offset, tile size, tile offset, components, precision. */
  const siz = (columns: number, rows: number, { components = 1, tile = columns } = {}) => {
    const segment = Buffer.alloc(49);
    segment.writeUInt32BE(0xff4fff51, 0);
    segment.writeUInt16BE(41, 4);
    segment.writeUInt32BE(columns, 8);
    segment.writeUInt32BE(rows, 12);
    segment.writeUInt32BE(tile, 24);
    segment.writeUInt32BE(tile, 28);
    segment.writeUInt16BE(components, 40);
    segment.set([15, 1, 1], 42);
    segment.set([0xff, 0xd9], 47);
    return segment;
  };
  const sof = (columns: number, rows: number, marker = 0xf7) => {
    const segment = Buffer.from([0xff, 0xd8, 0xff, marker, 0, 11, 16, 0, 0, 0, 0, 1, 1, 0x11, 0, 0xff, 0xd9]);
    segment.writeUInt16BE(rows, 7);
    segment.writeUInt16BE(columns, 9);
    return segment;
  };
  const inBoxes = (stream: Buffer) =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 13, 10, 0x87, 10]),
      Buffer.from([0, 0, 0, 0, 0x6a, 0x70, 0x32, 0x63]),
      stream,
    ]);
  const ct = (stream: Buffer, transferSyntaxUid: string, rows = 40, columns = 48) =>
    part10(
      tinyCt({
        changes: {
          0x00280010: us(rows),
          0x00280011: us(columns),
          0x7fe00010: { vr: 'OB', offsetTable: Buffer.alloc(0), fragments: [stream] },
        },
      }),
      transferSyntaxUid,
    );

  it.each([
    ['JPEG 2000', siz(30_000, 30_000), J2K, 'the compressed image is 30000 x 30000, the header says 48 x 40'],
    [
      'JPEG 2000 in boxes',
      inBoxes(siz(30_000, 30_000)),
      J2K,
      'the compressed image is 30000 x 30000, the header says 48 x 40',
    ],
    [
      'JPEG 2000 of many components',
      siz(48, 40, { components: 16_000 }),
      J2K,
      'the compressed image has 16000 components',
    ],
    [
      'JPEG 2000 with tiles of nothing',
      siz(48, 40, { tile: 0 }),
      J2K,
      'the compressed image has Infinity tiles',
    ],
    [
      'JPEG-LS',
      sof(60_000, 60_000),
      JPEG_LS,
      'the compressed image is 60000 x 60000, the header says 48 x 40',
    ],
    [
      'JPEG',
      sof(60_000, 60_000, 0xc3),
      '1.2.840.10008.1.2.4.70',
      'the compressed image is 60000 x 60000, the header says 48 x 40',
    ],
  ])(
    '%s that announces more than its header is refused before it is decoded',
    async (_kind, stream, uid, message) => {
      expect(await refusal(ct(stream, uid))).toBe(message);
    },
  );

  it.each([J2K, JPEG_LS, RLE])(
    '%s of more pixels than a CT has is refused, whatever the stream says',
    async uid => {
      expect(await refusal(ct(siz(60_000, 60_000), uid, 60_000, 60_000))).toBe(
        'the matrix is 60000 x 60000, more than 16777216 pixels',
      );
    },
  );
});

const bombs = ['12-deflate-bomb/bomb200.dcm', '13-j2k-bomb/b.dcm'].map(name => resolve(TRIALS, name));
const absent = absentHere(bombs.every(existsSync) ? null : `${TRIALS} is absent`);
if (absent) console.warn(`skipped: ${absent}`);

(absent ? describe.skip : describe)('the bombs of the trial', () => {
  it.each(bombs)('%s is refused', async path => {
    expect(await refusal(new Uint8Array(readFileSync(path)))).toMatch(
      /implausibly large|more than \d+ pixels|the compressed image is/,
    );
  });
});
