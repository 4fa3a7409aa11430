import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { naturalize, parsePart10 } from '../../src/dicom';
import type { Fault } from '../../src/notices';
import { describe as textOf } from '../../src/notices';
import { folderOf, imagesIn, launch, removeTemporary, temporary } from '../command-line/command';
import { bodySeries, SIZE } from './body';

jest.setTimeout(240_000);
afterAll(removeTemporary);

const FAULTY = resolve('test/fixtures/faulty-models');
const STOP = { ...process.env, ISCL_GUARDS: 'stop' };

async function denoise(model: string, input: string, argv: readonly string[] = [], env = STOP) {
  const output = await temporary();
  const path = `${FAULTY}/${model}.onnx`;
  const ran = await launch([input, output, '--model', path, ...argv], undefined, env, null);
  return { ...ran, folder: output, files: await imagesIn(output), series: ran.report.series[0]! };
}

let body: string;
beforeAll(async () => {
  body = await folderOf(bodySeries(4));
});

/** What a person reads. */
const words = (notice: Fault) => Object.values(textOf(notice)).join(' ');

test.each([
  ['shift', 'guard-tissue', /shifts soft tissue of this scan by \+5\.0 HU; 3 HU are allowed.*another model/s],
  [
    'erase',
    'guard-lesions',
    /a lesion of 5 mm and 20 HU .* keeps -?\d+ % of its contrast; at \d+ % it keeps enough.*Lower the strength/s,
  ],
  ['blur', 'guard-edges', /blurs this scan: its strong edges keep \d+ % of their sharpness.*another model/s],
  ['texture', 'guard-texture', /adds texture to uniform tissue.*another model/s],
  ['tile', 'guard-region', /In one region of image .* the mean changes by \+12\.\d HU.*graphics driver/s],
  // Right in the self-test of 64 x 64: the scan itself tells.
  ['size', 'guard-tissue', /shifts (bone|air|lung) of this scan.*another model/s],
] as const)('%s: caught by %s before a file is written', async (model, code, message) => {
  const { code: exit, files, series } = await denoise(model, body);
  expect(files).toEqual([]);
  expect(exit).toBe(3);
  expect(series).toMatchObject({ outcome: 'refused', written: 0, notice: { code } });
  expect(series.guard!.findings.map(finding => finding.code)).toContain(code);
  expect(words(series.notice!)).toMatch(message);
  expect(words(series.notice!)).toContain('is not saved');
});

test('no number in one slice: that slice is not written, and is named with the reason', async () => {
  const marked = await folderOf(
    bodySeries(4, (number, pixels) => {
      if (number !== 1) return;
      // Without uniform tissue, so that the guard looks elsewhere.
      pixels.fill(-850);
      pixels[SIZE * 10 + 10] = 777;
    }),
  );
  const { code, files, series } = await denoise('nan', marked);
  expect(code).toBe(4);
  expect(series).toMatchObject({ outcome: 'incomplete', written: 3, failed: [{}] });
  expect(series.failed[0]!.reason).toMatch(/not numbers/);
  expect(files).toHaveLength(3);
});

test('no number in a slice that the guard looks at: nothing is written', async () => {
  const marked = await folderOf(bodySeries(3, (_number, pixels) => (pixels[SIZE * 10 + 10] = 777)));
  const { code, files, series } = await denoise('nan', marked);
  expect([code, files]).toEqual([4, []]);
  expect(series).toMatchObject({ outcome: 'incomplete', notice: { code: 'bad-output' } });
});

test('the strength that the message names is written, with the figures in the derivation', async () => {
  const { series } = await denoise('erase', body);
  const { keepingStrength } = series.guard!;
  expect(keepingStrength).toBeGreaterThan(0);
  const lower = await denoise('erase', body, ['--strength', String(100 * keepingStrength)]);
  expect(lower.code).toBe(0);
  expect(lower.series).toMatchObject({
    outcome: 'done',
    written: 4,
    guard: { level: 'green', findings: [] },
  });
  const { DerivationDescription } = naturalize(
    parsePart10(await readFile(join(lower.folder, lower.files[0]!))),
  );
  expect(DerivationDescription).toContain(lower.series.guard!.sentence);
  expect(lower.series.guard!.sentence).toMatch(
    /^Lesion guard in 3 slices, noise 1\d\.\d to 1\d\.\d HU, contrast kept: 5 mm 20 HU \d+ %/,
  );
});

test('to warn, not to stop: written, and reported', async () => {
  const { code, files, series } = await denoise('shift', body, ['--guards', 'warn']);
  expect([code, files.length]).toEqual([0, 4]);
  expect(series).toMatchObject({
    outcome: 'done',
    notice: null,
    guard: { findings: [{ code: 'guard-tissue' }] },
  });
});
