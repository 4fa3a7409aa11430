import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { told, trial } from './trial';

/*
 * npm run trial -- DIR [--series N] [--slices N]
 *
 * DIR: any folder of DICOM. --series: at most N series that are accepted and N that are refused; --slices: at most N neighbouring slices of each. Ends with
 * 1 when something differs. Needs Python with pydicom and onnxruntime (ISCL_PYTHON), and dicom3tools.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { series: { type: 'string' }, slices: { type: 'string' } },
});
const [folder] = positionals;
const count = (text: string | undefined) => (text === undefined ? null : Number(text));
const [series, slices] = [count(values.series), count(values.slices)];
if (!folder || !existsSync(folder) || [series, slices].some(each => each !== null && !(each >= 1))) {
  console.error('npm run trial -- DIR [--series N] [--slices N]');
  process.exitCode = 2;
} else {
  const result = await trial({ folder, series, slices, say: line => console.error(line) });
  console.log(told(result));
  process.exitCode = result.differences.length === 0 ? 0 : 1;
}
