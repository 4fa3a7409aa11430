/**
 * Where the time of a headless series goes: inference, and everything else (read, decode, blend, derive, write).
 *
 *   npx tsx bench/batch.ts [SERIES_FOLDER] [SLICES]
 *
 * Copies of the folder's slices under new UIDs make up SLICES (default 300) slices; they are denoised into a folder with one thread. In the same run, the same
 * slices through a model that costs almost nothing (a 3x3 mean), which is the price of everything but inference.
 * `CPU` is the processor time of the whole process, which other work on the machine does not lengthen as it does wall time; the share of everything but inference is
 * the ratio of the two rows' CPU. `load` (read, decode), `encode` (blend, derive) and `inference` are wall times, and overlap.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { main } from '../cli/main';
import type { Report } from '../cli/report';

const [folder = '../shared/data/ct/LIDC-IDRI-0314_chest_1mm_noisy', count = '300'] = process.argv.slice(2);

async function multiply(source: string, slices: number): Promise<string> {
  const target = await mkdtemp(join(tmpdir(), 'iscl-bench-'));
  const files = (await readdir(source)).sort();
  for (let i = 0; i < slices; i++) {
    const bytes = await readFile(join(source, files[i % files.length]!));
    const copy = Math.floor(i / files.length);
    await writeFile(join(target, `${i}.dcm`), copy === 0 ? bytes : renamed(bytes, copy));
  }
  return target;
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

/** @returns CPU milliseconds a slice */
async function denoise(input: string, model: string): Promise<number> {
  const output = await mkdtemp(join(tmpdir(), 'iscl-bench-'));
  let stdout = '';
  const before = process.cpuUsage();
  await main({
    argv: [input, output, '--json', '--threads', '1', '--model', model],
    env: process.env,
    stdout: { write: text => (stdout += text) },
    stderr: { write: () => undefined },
    modelsFolder: resolve('models'),
    createThread: () => new Worker(resolve('cli/engine-thread.mjs')),
    signal: new AbortController().signal,
  });
  const { user, system } = process.cpuUsage(before);
  await rm(output, { recursive: true });
  const report = JSON.parse(stdout) as Report;
  const [series] = report.series;
  if (!series || series.outcome !== 'done') throw new Error(`not done: ${stdout}`);
  const { wall, load, inference, encode } = series.seconds;
  const each = (seconds: number) => `${((seconds / series.slices) * 1000).toFixed(1)} ms`;
  const cpu = (user + system) / 1000 / series.slices;
  console.log(
    `| ${report.model!.id} ${report.model!.version} | ${series.slices} | ${cpu.toFixed(1)} ms | ${each(wall)} | ` +
      `${each(inference)} | ${each(load)} | ${each(encode)} |`,
  );
  return cpu;
}

const input = await multiply(resolve(folder), Number(count));
console.log(`${cpus()[0]?.model}, one thread, ${folder}\n`);
console.log('| model | slices | CPU | wall | inference | load | encode |');
console.log('|---|---:|---:|---:|---:|---:|---:|');
const whole = await denoise(input, resolve('models/manifest.json'));
const rest = await denoise(input, resolve('test/fixtures/box-model/manifest.json'));
console.log(`\nEverything but inference: ${((rest / whole) * 100).toFixed(1)} % of the processor time.`);
await rm(input, { recursive: true });
