/** @jest-environment ./test/node-environment.cjs */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toDicomJson } from '../../server/src/dicomweb/dicomJson';
import { parsePart10 as parseOnServer } from '../../server/src/dicomweb/header';
import { judgeSeries, modalityOf } from '../../src/ct';
import { ctInstance } from '../../src/ct/fixtures';
import { deriveInstance, naturalize, parsePart10 } from '../../src/dicom';
import { createdAt, derive, provenance, value } from '../unit/dicom-fixtures';
import { describeWithData, readData } from './corpus';
import { part10, text, tinyCt } from './part10';

/* One table of DS and IS values for every reader here; training/tests/test_numeric_strings.py reads it for the trainer. */

type Row = readonly [text: string, value: number | null | 'refused'];
const { DS, IS } = JSON.parse(
  readFileSync(join(__dirname, '../fixtures/numeric-strings.json'), 'utf8'),
) as Record<'DS' | 'IS', Row[]>;
const ROWS = [
  ...DS.map(([bytes, right]) => ['DS', bytes, right] as const),
  ...IS.map(([bytes, right]) => ['IS', bytes, right] as const),
];
const PATIENT_WEIGHT = 0x00101030;
const ACQUISITION_NUMBER = 0x00200012;
const json = (bytes: Uint8Array) =>
  toDicomJson(parseOnServer(Buffer.from(bytes)), { inlineLimit: 100, bulkDataUri: () => '' });

describe.each(ROWS)('%s %j is %j', (vr, bytes, right) => {
  const tag = vr === 'DS' ? PATIENT_WEIGHT : ACQUISITION_NUMBER;
  const keyword = vr === 'DS' ? 'PatientWeight' : 'AcquisitionNumber';
  const changes = { [tag]: text(vr, bytes) };
  const file = part10(tinyCt({ changes }));

  test('read from a file, by the command and by the viewer where it has one', () => {
    const found = naturalize(parsePart10(file))[keyword];
    if (right === 'refused') expect(typeof found).toBe('string');
    else expect(found ?? null).toBe(right);
  });
  test("read from an archive's metadata, by the viewer", () => {
    if (vr === 'DS') {
      const intercept = () => modalityOf(ctInstance({ RescaleIntercept: bytes })).intercept;
      if (typeof right === 'number') expect(intercept()).toBe(right);
      else expect(intercept).toThrow();
    } else {
      const verdict = judgeSeries([ctInstance({ NumberOfFrames: bytes })], null);
      const codes = verdict.kind === 'refused' ? verdict.reasons.map(({ code }) => code) : [];
      const isCount = typeof right === 'number' && right > 1;
      expect(codes).toEqual(right === null ? [] : [isCount ? 'multi-frame' : 'invalid-attribute']);
    }
  });
  test('handed out by the server', () => {
    const found = json(file)[tag.toString(16).padStart(8, '0').toUpperCase()];
    expect(found).toEqual(typeof right === 'number' ? { vr, Value: [right] } : { vr });
  });
  test('written again only as what was read', async () => {
    const written = value(await derive({ changes }), tag);
    if (typeof right === 'number') expect(Number(written) + 0).toBe(right);
    else expect(written).toBe('');
  });
});

describeWithData('decimal commas of the trials', () => {
  const read = (name: string) => readData(`trials/01-decimal-comma/${name}.dcm`);
  const hu = async (bytes: Uint8Array) => {
    const parsed = parsePart10(bytes);
    const { slope, intercept } = modalityOf(naturalize(parsed));
    return { slope, intercept };
  };
  test('an intercept of -1024,0 is -1024, in the derived file too', async () => {
    expect(await hu(read('intercept/wrong'))).toEqual(await hu(read('intercept/right')));
    const source = read('intercept/wrong');
    const size = 128 * 128;
    const { part10: file } = await deriveInstance({
      source,
      hu: new Float32Array(size).fill(40),
      provenance,
      createdAt,
    });
    expect(value(parsePart10(file), 0x00281052)).toBe('-1024.0');
  });
  test('a slope of 1,000 may be 1000: refused', () => {
    expect(judgeSeries([naturalize(parsePart10(read('slope/wrong')))], null)).toEqual({
      kind: 'refused',
      reasons: [{ kind: 'refusal', code: 'invalid-attribute', keyword: 'RescaleSlope', value: '1,000' }],
    });
  });
  test('spacing and thickness', () => {
    const spacing = naturalize(parsePart10(read('spacing/wrong')));
    expect(spacing['PixelSpacing']).toEqual([0.703, 0.703]);
    expect(naturalize(parsePart10(read('thickness/wrong')))['SliceThickness']).toBe(2.5);
    for (const name of ['spacing/wrong', 'thickness/wrong']) {
      const [wrong, right] = [json(read(name)), json(read(name.replace('wrong', 'right')))];
      expect([wrong['00280030'], wrong['00180050']]).toEqual([right['00280030'], right['00180050']]);
    }
  });
});
