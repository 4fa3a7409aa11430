/**
 * Where the time of a headless series goes. Linux; needs gdcmconv (libgdcm-tools).
 *
 *   npx tsx bench/batch.ts [SERIES_FOLDER] [SLICES] [THREADS]
 *
 * Copies of the folder's slices under new UIDs make up SLICES (default 300) slices, uncompressed, JPEG-LS and JPEG 2000. Each series goes through `iscl-denoise` in a
 * process of its own: wall time, how much of it no inference ran, processor time, largest resident memory. Beside it, the uncompressed series with inference in the main
 * thread, which is what onnxruntime-node does by itself. Then the processor time of each part, the parts one after the other in this process.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../cli/report';
import { measureParts } from './batch-parts';

const [folder = '../shared/data/ct/LIDC-IDRI-0314_chest_1mm_noisy', count = '300', threads = '1'] =
  process.argv.slice(2);

const SYNTAXES = [
  ['uncompressed', '--raw'],
  ['JPEG-LS', '--jpegls'],
  ['JPEG 2000', '--j2k'],
] as const;

/** `slices` files made of the folder's, in another transfer syntax. */
async function multiply(option: string, slices: number, target: string): Promise<void> {
  await mkdir(target);
  const files = (await readdir(folder)).sort().slice(0, slices);
  for (const [i, file] of files.entries()) {
    const converted = join(target, `${i}.dcm`);
    await promisify(execFile)('gdcmconv', [option, join(folder, file), converted]);
    const bytes = await readFile(converted);
    for (let copy = 1; copy * files.length + i < slices; copy++)
      await writeFile(join(target, `${copy * files.length + i}.dcm`), renamed(bytes, copy));
  }
}

/** The last digits of the SOP Instance UID replaced wherever it stands (file meta and dataset), its length kept. */
function renamed(bytes: Buffer, copy: number): Buffer {
  const at = bytes.indexOf(Buffer.from('\x02\x00\x03\x00UI', 'latin1'));
  const old = bytes.subarray(at + 8, at + 8 + bytes.readUInt16LE(at + 6));
  const digits = old.at(-1) === 0 ? old.length - 1 : old.length;
  const fresh = Buffer.from(old);
  fresh.write(String(copy).padStart(3, '9'), digits - 3, 'latin1');
  const out = Buffer.from(bytes);
  for (let found = out.indexOf(old); found >= 0; found = out.indexOf(old, found + 1)) fresh.copy(out, found);
  return out;
}

interface Usage {
  readonly wall: number;
  readonly cpu: number;
  readonly peakMiB: number;
  readonly report: Report;
}

/** The command in a process of its own, watched through /proc. Seconds. */
async function watched(script: readonly string[], input: string, output: string): Promise<Usage> {
  const started = performance.now();
  const child = spawn(process.execPath, [...script, input, output, '--json', '--threads', threads], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let [cpu, peakMiB] = [0, 0];
  const look = setInterval(() => {
    Promise.all([readFile(`/proc/${child.pid}/stat`, 'utf8'), readFile(`/proc/${child.pid}/status`, 'utf8')])
      .then(([stat, status]) => {
        // Fields 14 and 15 of proc(5), in hundredths of a second; the name before them may hold blanks.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        cpu = Math.max(cpu, (Number(fields[11]) + Number(fields[12])) / 100);
        peakMiB = Math.max(peakMiB, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      })
      .catch(() => undefined); // It has just ended.
  }, 100);
  let stdout = '';
  child.stdout.on('data', chunk => (stdout += String(chunk)));
  const code = await new Promise(ended => child.once('close', ended));
  clearInterval(look);
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${stdout}`);
  await rm(output, { recursive: true });
  return { wall: (performance.now() - started) / 1000, cpu, peakMiB, report: JSON.parse(stdout) as Report };
}

const slices = Number(count);
const root = await mkdtemp(join(tmpdir(), 'iscl-bench-'));
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
  await multiply(option, slices, input);
  const variants: [string, readonly string[]][] =
    option === '--raw'
      ? [
          [name, COMMAND],
          [`${name}, inference in the main thread`, ONE_THREAD],
        ]
      : [[name, COMMAND]];
  for (const [label, script] of variants) {
    const { wall, cpu, peakMiB, report } = await watched(script, input, join(root, 'out'));
    const series = report.series[0]!;
    const { inference } = series.seconds;
    const share = (whole: number) => `${((1 - inference / whole) * 100).toFixed(1)} %`;
    const each = (seconds: number) => `${((seconds / slices) * 1000).toFixed(1)} ms a slice`;
    console.log(
      `| ${label} | ${series.slices} | ${wall.toFixed(1)} s | ${share(wall)} | ${share(series.seconds.wall)} | ` +
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
