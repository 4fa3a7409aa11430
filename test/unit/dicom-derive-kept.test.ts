import { deriveInstance, naturalize, parsePart10 } from '../../src/dicom';
import { items, textOf } from '../conformance/silent-rules';
import { part10, text, tinyCt, us } from '../conformance/part10';
import { createdAt, derive, item, provenance, SIZE, value } from './dicom-fixtures';

/* What a derived instance keeps of its source and what not (docs/dicom-conformance.md section 5). */

describe('what is dropped and kept', () => {
  test('performed procedure step, icon, signatures, group lengths, trailing padding; request attributes stay', async () => {
    const sq = { vr: 'SQ', items: [item([[0x00081155, text('UI', '1.2')]])] } as const;
    const gone = [
      0x00081111, 0x00880200, 0xfffafffa, 0x4ffe0001, 0x00080000, 0xfffcfffc, 0x00080014, 0x00181008,
      0x04000500, 0x00080300,
    ];
    const changes = Object.fromEntries(
      gone.map(tag => [tag, (tag & 0xffff) === 0 ? { vr: 'UL', value: Buffer.alloc(4) } : sq]),
    );
    const { dataset } = await derive({
      changes: { ...changes, 0x00400275: sq, 0x00280301: text('CS', 'NO') },
    });
    expect(gone.filter(tag => dataset.has(tag))).toEqual([]);
    expect(items(dataset, 0x00400275)).toHaveLength(1);
    expect(textOf(dataset, 0x00280301)).toBe('NO');
  });
  test('what an archive says of the source, and group lengths inside items', async () => {
    const gone = [
      0x00080052, 0x00080054, 0x00080056, 0x00080061, 0x00080062, 0x00081190, 0x00083002, 0x00201206,
      0x00201208, 0x00201209, 0x0040e010, 0x00880140, 0x01000410, 0x00080015,
    ];
    const changes: Record<number, ReturnType<typeof text>> = Object.fromEntries(
      gone.map(tag => [tag, text('UT', 'of the source')]),
    );
    const inner = item([
      [0x00400000, { vr: 'UL', value: Buffer.alloc(4) }],
      [0x00401001, text('SH', 'A1')],
    ]);
    const { dataset } = await derive({ changes: { ...changes, 0x00400275: { vr: 'SQ', items: [inner] } } });
    expect(gone.filter(tag => dataset.has(tag))).toEqual([]);
    expect([...items(dataset, 0x00400275)[0]!.keys()]).toEqual([0x00401001]);
  });
  test('private attributes by the list, in any block, with their creator', async () => {
    const changes = {
      0x00190011: text('LO', 'GEMS_ACQU_01'),
      0x00191123: text('DS', '55'),
      0x00191199: text('LO', 'secret'),
      0x00091001: text('LO', 'orphan'),
      0x000b0010: text('LO', 'constructor'),
      0x000b1001: text('LO', 'of an object'),
      0x00290010: text('LO', 'SIEMENS CSA'),
      0x00291010: text('LO', 'secret'),
    };
    const { dataset } = await derive({ changes });
    expect([...dataset.keys()].filter(tag => ((tag >>> 16) & 1) === 1)).toEqual([0x00190011, 0x00191123]);
  });
  test('overlays of their own stay, those in the pixel words go', async () => {
    const overlay = {
      0x60000010: us(40),
      0x60003000: { vr: 'OW', value: Buffer.alloc(240) },
      0x60020010: us(40),
    };
    const { dataset } = await derive({ changes: overlay });
    expect([0x60000010, 0x60003000, 0x60020010].map(tag => dataset.has(tag))).toEqual([true, true, false]);
  });
});

describe('from a viewer’s dataset', () => {
  const stored = Uint16Array.from({ length: SIZE }, (_, i) => (i * 7) % 2000);
  test('text outside ASCII is written as UTF-8; what is not DICOM or only a reference is left out', async () => {
    const instance = {
      ...naturalize(parsePart10(part10(tinyCt()))),
      PatientName: [{ Alphabetic: 'Müller^Jörg', Ideographic: '山田' }],
      RequestAttributesSequence: {
        SpecificCharacterSet: 'ISO_IR 100',
        RequestedProcedureID: 'A1',
        RequestedProcedureDescription: 'Schädel',
      },
      VOILUTSequence: [{ LUTDescriptor: [2, 0, 16], LUTData: { InlineBinary: 'AAECAw==' } }],
      RetrieveURL: 'http://pacs.example/studies/1',
      PixelPaddingValue: 63536,
      SliceThickness: 0.1 + 0.2,
      OverlayData: { BulkDataURI: 'http://example.org' },
      imageId: 'wadors:1',
      wadoRoot: undefined,
    };
    const hu = new Float32Array(SIZE);
    const { part10: file } = await deriveInstance({
      source: { instance, stored },
      hu,
      provenance,
      createdAt,
    });
    const derived = parsePart10(file);
    expect(value(derived, 0x00080005)).toBe('ISO_IR 192');
    expect(Buffer.from(value(derived, 0x00100010), 'latin1').toString('utf8')).toBe('Müller^Jörg=山田');
    const [request] = items(derived.dataset, 0x00400275);
    expect(textOf(request!, 0x00401001)).toBe('A1');
    expect(Buffer.from(textOf(request!, 0x00321060), 'latin1').toString('utf8')).toBe('Schädel');
    expect(request!.has(0x00080005)).toBe(false);
    expect(items(derived.dataset, 0x00283010)[0]!.get(0x00283006)).toMatchObject({
      value: new Uint8Array([0, 1, 2, 3]),
    });
    expect(derived.dataset.has(0x00081190)).toBe(false);
    expect(value(derived, 0x00180050)).toBe('0.3');
    expect(derived.dataset.has(0x60003000)).toBe(false);
  });
});
