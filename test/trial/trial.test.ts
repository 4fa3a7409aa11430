/** @jest-environment ./test/node-environment.cjs */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { absentHere } from '../absent';
import { DATA, describeWithData } from '../conformance/corpus';
import { PYTHON } from '../conformance/python';
import { missingTools } from '../conformance/tools';
import { told, trial } from './trial';

const hasPython = spawnSync(PYTHON, ['-c', 'import onnxruntime, pydicom']).status === 0;
const absent = absentHere(
  missingTools().length > 0
    ? `not installed: ${missingTools().join(', ')}`
    : hasPython
      ? null
      : `${PYTHON} has no pydicom and onnxruntime (set ISCL_PYTHON)`,
);
if (absent) console.warn(`skipped: the trial: ${absent}`);

jest.setTimeout(600_000);

/** A sample, because all of the data takes longer than a check of the project may (docs/trial-of-a-folder.md). */
describeWithData('npm run trial on a sample of the data', () => {
  (absent ? it.skip : it).each([
    ['conformance', 8, 2],
    ['trials', 8, 2],
    ['stacks', 2, 3],
  ])('%s: at most %i series of each verdict, and %i slices of each', async (folder, series, slices) => {
    const result = await trial({ folder: join(DATA, folder), series, slices });
    process.stdout.write(`${folder}\n${told(result)}\n`);
    expect(result.differences).toEqual([]);
  });
});
