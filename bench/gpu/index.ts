/**
 * The WebGPU provider of onnxruntime-node on Vulkan. Every step runs in a process of its own, which is ended when it hangs, so that one fault does not
 * take the rest with it.
 *
 *   npm run bench gpu [-- --out FOLDER] [--seconds 200] [--dry] [--only "STEP,STEP"]
 *
 * Prints a table and stores it as gpu.md and gpu.json in FOLDER (default docs/benchmarks; with --dry, small sizes, nowhere unless a folder is named).
 */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { machine } from '../measure';
import { adapters, vulkanFiles } from './adapter';
import { DRY, FULL, runStep, stepNames, type Found } from './steps';
import { report, type StepResult } from './report';

const MARK = 'gpu-step-found:';

export async function gpuPart(argv: readonly string[]): Promise<void> {
  const option = (name: string) => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
  const models = resolve(option('--models') ?? 'models');
  const dry = argv.includes('--dry');
  const step = option('--step');
  if (step) {
    const found = await runStep(step, models, dry ? DRY : FULL);
    // Ended here: Dawn's threads would keep the process, and onnxruntime-node says nothing more.
    process.stdout.write(`\n${MARK}${JSON.stringify(found)}\n`, () => process.exit(0));
    return;
  }
  const until = performance.now() + Number(option('--seconds') ?? 200) * 1000;
  const about = { machine: machine(), dry, ...adapters() };
  console.log([about.machine, ...about.vulkan, about.driver].join('\n'));
  const results: StepResult[] = [];
  const only = option('--only')?.split(',');
  for (const name of only ?? (await stepNames(models))) {
    const left = until - performance.now();
    const result =
      left < 5000
        ? { name, found: null, error: 'out of time' }
        : await apart(name, [...argv, '--step', name], Math.min(left, 60_000));
    results.push(result);
    console.log(
      result.found ? `${name}: ${JSON.stringify(result.found)}` : `${name}: FAILED: ${result.error}`,
    );
  }
  const text = report(about, results);
  console.log(`\n${text}`);
  if (!results.some(({ found }) => found)) console.log(vulkanFiles());
  const folder = option('--out') ?? (dry ? undefined : 'docs/benchmarks');
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'gpu.md'), text);
  await writeFile(join(folder, 'gpu.json'), JSON.stringify({ about, results }, null, 1));
}

function apart(name: string, argv: readonly string[], milliseconds: number): Promise<StepResult> {
  const [, entry] = process.argv as [string, string];
  const child = spawn(process.execPath, [...process.execArgv, entry, 'gpu', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', chunk => (said += String(chunk)));
  child.stderr.on('data', chunk => (said += String(chunk)));
  let late = false;
  const clock = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, milliseconds);
  return new Promise(ended => {
    child.once('close', (code, signal) => {
      clearTimeout(clock);
      const line = said.split('\n').find(one => one.startsWith(MARK));
      if (line) return ended({ name, found: JSON.parse(line.slice(MARK.length)) as Found, error: null });
      const why = late
        ? `no answer in ${(milliseconds / 1000).toFixed(0)} s`
        : `ended with ${signal ?? code}`;
      ended({ name, found: null, error: `${why}; ${said.trim().slice(-600)}` });
    });
  });
}
