/** @jest-environment ./test/node-environment.cjs */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { neighbourRuns, planSlabs } from '../../src/ct';
import { createNodeEngine } from '../../src/engine/node';
import { guardFigures, measureGuard } from '../../src/guard';
import { absentHere } from '../absent';
import { PYTHON, python } from '../conformance/python';
import { seriesIn } from './series';

const MODELS = resolve('models');
const STRENGTHS = [0.3, 0.7, 1];
const absent = absentHere(
  spawnSync(PYTHON, ['-c', 'import numpy, pydicom, onnxruntime']).status === 0
    ? null
    : `${PYTHON} has no numpy, pydicom and onnxruntime (set ISCL_PYTHON)`,
);
if (absent) console.warn(`skipped: ${absent}`);

interface Answer {
  readonly sd: readonly [before: number, after: number];
  readonly rings: readonly (readonly number[])[];
  readonly lesions: readonly {
    readonly mean: readonly [lighter: number, darker: number];
    readonly sd: readonly [lighter: number, darker: number];
    readonly detectability: readonly number[];
  }[];
}

// A model of slabs, and a model of single slices that takes lesions away differently from place to place.
const CASES: readonly [series: string, model: string, looks: number][] = [
  ['server/demo/quarter', 'ct-slab-fast', 3],
  ['../shared/data/ct/ACRIN-001_PETCT_abdomen_lowdose', 'ct-fast', 5],
];

(absent ? describe.skip : describe)('lesion guard against numpy and onnxruntime', () => {
  test.each(CASES)(
    '%s with %s: contrast, spread, detectability, noise and spectrum agree',
    async (folder, modelId, looks) => {
      if (!existsSync(folder)) return console.warn(`skipped: ${folder} is absent`);
      const slices = await seriesIn(folder);
      const engine = createNodeEngine({ manifestPath: `${MODELS}/manifest.json`, modelId, threads: 1 });
      const { slab = null, file } = await engine.card();
      let inferences = 0;
      const counted = {
        denoiseSlab: (...given: Parameters<typeof engine.denoiseSlab>) => (
          inferences++,
          engine.denoiseSlab(...given)
        ),
      };
      const measured = await measureGuard({ slices, engine: counted, slab });
      await engine.dispose();
      expect(measured.looks).toHaveLength(looks);
      expect(inferences).toBe(3 * looks);
      expect(measured.inferences).toBe(inferences);

      const uidOf = (index: number) => slices[index]!.instance.SOPInstanceUID;
      const instances = slices.map(({ instance }) => instance);
      const looked = planSlabs(instances, slab)
        .filter(({ own }) => own.some(index => measured.looks.includes(uidOf(index))))
        .map(({ own, inputs }) => ({
          own: own.map(uidOf),
          inputs: inputs.map(uidOf),
          middle: uidOf(own.find(index => measured.looks.includes(uidOf(index)))!),
        }));
      const read = new Set(looked.flatMap(({ inputs }) => inputs));
      const at = ({
        sopInstanceUid,
        row,
        column,
      }: {
        sopInstanceUid: string;
        row: number;
        column: number;
      }) => [sopInstanceUid, row, column];
      const given = {
        model: `${MODELS}/${file}`,
        files: Object.fromEntries(
          slices.flatMap(({ path, instance: { SOPInstanceUID } }) =>
            read.has(SOPInstanceUID) ? [[SOPInstanceUID, resolve(path)]] : [],
          ),
        ),
        looks: looked,
        gap: neighbourRuns(instances)[0]!.spacingMm,
        lesions: measured.lesions.map(({ lesion, places }) => ({ ...lesion, places: places.map(at) })),
        regions: measured.noise!.regions.map(at),
        strengths: STRENGTHS,
      };
      const answer = JSON.parse(python('test/guard/lesions.py', [], JSON.stringify(given))) as Answer;

      expect(measured.lesions.length).toBe(4);
      for (const [i, { lighter, darker }] of measured.lesions.entries()) {
        const theirs = answer.lesions[i]!;
        const of = (value: number, expected: number) => expect(Math.abs(value - expected)).toBeLessThan(0.01);
        of(lighter.mean, theirs.mean[0]);
        of(darker.mean, theirs.mean[1]);
        of(lighter.sd, theirs.sd[0]);
        of(darker.sd, theirs.sd[1]);
        STRENGTHS.forEach((strength, k) =>
          of(guardFigures(measured, strength).lesions[i]!.detectability!, theirs.detectability[k]!),
        );
      }
      const { variance, spectrum } = measured.noise!;
      expect(Math.sqrt(variance.before)).toBeCloseTo(answer.sd[0], 1);
      expect(Math.sqrt(variance.after)).toBeCloseTo(answer.sd[1], 1);
      spectrum.before.forEach((power, k) => expect(power / answer.rings[0]![k]!).toBeCloseTo(1, 2));
      spectrum.after.forEach((power, k) => expect(power / answer.rings[1]![k]!).toBeCloseTo(1, 2));
    },
    300_000,
  );
});
