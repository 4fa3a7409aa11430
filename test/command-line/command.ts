import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { main } from '../../cli/main';
import type { Report } from '../../cli/report';
import { start } from '../process';
import { makeInstance, SERIES, STUDY, type MadeInstance, type MakeOptions } from '../store/instances';

/** A tiny real model (a 3x3 mean), so that the tests are about the command and not about seconds. */
export const MODELS = resolve('test/fixtures/box-model');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tiny model blurs images that are made of nothing but edges: the guard of such tests reports, and does not stop. */
const GUARDS = { ISCL_GUARDS: 'warn' };

/** Runs the command in this process, as the launcher does. */
export async function run(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  signal = new AbortController().signal,
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await main({
    argv,
    env: { HOME: tmpdir(), ...GUARDS, ...env },
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
    modelsFolder: MODELS,
    createThread: () => new Worker(resolve('cli/engine-thread.mjs')),
    signal,
  });
  return { code, stdout, stderr };
}

export async function runJson(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Report & { code: number }> {
  const { code, stdout } = await run([...argv, '--json', '--threads', '1'], env);
  return { ...(JSON.parse(stdout) as Report), code };
}

/** The command as npm installs it: a process of its own (and several times as fast as in jest's sandbox). */
export async function launch(
  argv: readonly string[],
  during?: (child: ChildProcess) => void | Promise<void>,
  env: NodeJS.ProcessEnv = process.env,
  /** Null: `argv` names one. */
  model: string | null = join(MODELS, 'manifest.json'),
): Promise<{ code: number | null; report: Report }> {
  const models = model === null ? [] : ['--model', model];
  const launcher = resolve('cli/iscl-denoise.mjs');
  const args = [launcher, ...argv, ...models, '--json', '--threads', '1'];
  const { code, stdout, stderr } = await start(process.execPath, args, {
    env: { ...GUARDS, ...env },
    ...(during ? { during } : {}),
  });
  if (stdout === '') throw new Error(`exit code ${code} without a report: ${stderr}`);
  return { code, report: JSON.parse(stdout) as Report };
}

const folders: string[] = [];
export async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iscl-cli-'));
  folders.push(folder);
  return folder;
}
export async function removeTemporary(): Promise<void> {
  await Promise.all(folders.splice(0).map(folder => rm(folder, { recursive: true, force: true })));
}

/** An original CT slice that every verdict accepts. */
export function ctInstance(number: number, { attributes, ...options }: MakeOptions = {}): MadeInstance {
  const original = {
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    Manufacturer: 'Maker',
    ManufacturerModelName: 'Scanner',
    RescaleType: 'HU',
    KVP: 120,
    ConvolutionKernel: 'STANDARD',
    BodyPartExamined: 'CHEST',
    PatientAge: '050Y',
    SeriesDescription: 'Chest',
    SeriesNumber: 3,
  };
  return makeInstance(number, { size: 64, ...options, attributes: { ...original, ...attributes } });
}

export function ctSeries(count: number, options: MakeOptions = {}): MadeInstance[] {
  return Array.from({ length: count }, (_, i) => ctInstance(i + 1, options));
}

/** The same file, of at most 12 bits stored, with rubbish in the bits above: what a retired overlay plane looks like to who reads whole words. */
export function withRubbishAbove12Bits(instance: MadeInstance, size = 64): MadeInstance {
  const part10 = instance.part10.slice();
  // Pixel Data is the last element.
  const pixels = part10.length - size * size * 2;
  for (let i = 0; i < size * size; i++) part10[pixels + 2 * i + 1]! ^= (i % 16) << 4;
  return { ...instance, part10 };
}

/** The lock of a process of this machine that was killed. */
export async function deadHolder(): Promise<string> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const namespace = await readlink('/proc/self/ns/pid');
  return JSON.stringify({ token: 'dead', process: { boot, namespace, pid: 2 ** 22 + 1, started: '1' } });
}

/** A folder with the instances in it. */
export async function folderOf(instances: readonly MadeInstance[], folder?: string): Promise<string> {
  const root = folder ?? (await temporary());
  for (const { sopInstanceUid, seriesInstanceUid, part10 } of instances) {
    await mkdir(join(root, seriesInstanceUid), { recursive: true });
    await writeFile(join(root, seriesInstanceUid, sopInstanceUid), part10);
  }
  return root;
}

/** Paths of all files under a folder, relative, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** The DICOM files among them; the list of digests lies beside the series' folders. */
export async function imagesIn(folder: string): Promise<string[]> {
  return (await filesIn(folder)).filter(file => !file.endsWith('.sha256'));
}

export { SERIES, STUDY };
