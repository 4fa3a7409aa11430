/**
 * Where the time of a headless series goes. Linux; needs gdcmconv (libgdcm-tools).
 *
 *   npx tsx bench/batch.ts [SERIES_FOLDER] [SLICES] [THREADS]
 *
 * The folder's slices, repeated along their normal, make up SLICES (default 300) slices, uncompressed, JPEG-LS and JPEG 2000. Each series goes through `iscl-denoise` in a
 * process of its own: wall time, how much of it no inference ran, processor time, largest resident memory. Beside it, the uncompressed series with inference in the main
 * thread, which is what onnxruntime-node does by itself. Then the processor time of each part, the parts one after the other in this process.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { watched } from './batch-command';
import { measureParts } from './batch-parts';
import { repeatedSeries } from './repeated';

const [folder = '../shared/data/ct/LIDC-IDRI-0314_chest_1mm_noisy', count = '300', threads = '1'] =
  process.argv.slice(2);

const SYNTAXES = [
  ['uncompressed', '--raw'],
  ['JPEG-LS', '--jpegls'],
  ['JPEG 2000', '--j2k'],
] as const;

/** The files of `series` in another transfer syntax. */
async function converted(series: string, option: string, target: string): Promise<void> {
  await mkdir(target);
  for (const file of await readdir(series))
    await promisify(execFile)('gdcmconv', [option, join(series, file), join(target, file)]);
}

const slices = Number(count);
const root = await mkdtemp(join(tmpdir(), 'iscl-bench-'));
const series = repeatedSeries(slices, folder);
console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${threads} inference thread(s), ${folder}\n`,
);
console.log(
  '| series | slices | wall | of it no inference | the same without start and end | processor | largest memory |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|');
const COMMAND = [resolve('cli/iscl-denoise.mjs')];
const ONE_THREAD = ['--import', 'tsx', resolve('bench/batch-one-thread.ts')];
for (const [name, option] of SYNTAXES) {
  const input = join(root, option);
  await converted(series.folder, option, input);
  const variants: [string, readonly string[]][] =
    option === '--raw'
      ? [
          [name, COMMAND],
          [`${name}, inference in the main thread`, ONE_THREAD],
        ]
      : [[name, COMMAND]];
  for (const [label, script] of variants) {
    const { wall, cpu, peakMiB, report } = await watched(script, input, join(root, 'out'), Number(threads));
    const [done] = report.series;
    const { inference, wall: inside } = done!.seconds;
    const share = (whole: number) => `${((1 - inference / whole) * 100).toFixed(1)} %`;
    const each = (seconds: number) => `${((seconds / slices) * 1000).toFixed(1)} ms a slice`;
    console.log(
      `| ${label} | ${done!.slices} | ${wall.toFixed(1)} s | ${share(wall)} | ${share(inside)} | ` +
        `${cpu.toFixed(1)} s, ${each(cpu)} | ${peakMiB.toFixed(0)} MiB |`,
    );
  }
}
console.log(
  '\nProcessor time of the parts, ms a slice, one after the other in one process; share of their sum:\n',
);
for (const [name, option] of SYNTAXES) {
  console.log(`${name}: ${await measureParts(join(root, option), join(root, 'out'), Number(threads))}`);
}
await rm(root, { recursive: true });
await rm(series.folder, { recursive: true });
