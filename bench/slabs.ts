/**
 * npm run bench slabs [--slices 300] [--rounds 5] [--slice ct-fast] [--slab ct-slab-fast]
 *
 * A model of single slices and a model of slabs side by side: inference natively, on WebAssembly and on WebGPU, the first slice after Denoise, a whole
 * series in a page without the viewer and by the command, and memory. Each round measures both models one after the other, so that what else the machine
 * does meets both; a ratio is the median of the ratios within a round.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import type { CtSlice } from '../src/ct';
import { createNodeEngine } from '../src/engine/node';
import { launchChromium, type PageApi, serveEnginePage } from '../test/browser/engine-page';
import { watched, type Usage } from './batch-command';
import { addSeries, open, prepare, withoutFullSelfTest } from './browser';
import { machine } from './measure';
import { repeatedSeries } from './repeated';

declare const api: PageApi;
declare const bench: { series(count: number): CtSlice[] };

const MANIFEST = resolve('models/manifest.json');
const SIZE = 512;

interface Pair {
  readonly what: string;
  readonly unit: string;
  /** One value a round: of the model of slices, of that of slabs. */
  readonly slice: number[];
  readonly slab: number[];
}

export async function slabsPart(argv: readonly string[]): Promise<void> {
  const option = (name: string, other: string) =>
    argv.includes(name) ? argv[argv.indexOf(name) + 1]! : other;
  const models = [option('--slice', 'ct-fast'), option('--slab', 'ct-slab-fast')] as const;
  const slices = Number(option('--slices', '300'));
  const rounds = Number(option('--rounds', '5'));
  console.log(`| ${machine()} | unit | ${models.join(' | ')} | ratio | rounds |`);
  console.log('| --- | --- | ---: | ---: | ---: | ---: |');
  for (const threads of [1, 2]) show(await native(models, threads, rounds));
  await inChromium(models, slices, rounds);
  for (const threads of [1, 2]) (await headless(models, slices, threads)).forEach(show);
}

function show({ what, unit, slice, slab }: Pair): void {
  const ratio = median(slice.map((value, i) => value / slab[i]!));
  const cells = [what, unit, ...[median(slice), median(slab), ratio].map(digits), slice.length];
  console.log(`| ${cells.join(' | ')} |`);
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const digits = (value: number) => Number(value.toPrecision(3)).toString();

/** Runs `one` for both models in turn. */
async function pair(
  what: string,
  unit: string,
  rounds: number,
  one: (index: 0 | 1) => Promise<number>,
): Promise<Pair> {
  const made: Pair = { what, unit, slice: [], slab: [] };
  for (let round = 0; round < rounds; round++) {
    made.slice.push(await one(0));
    made.slab.push(await one(1));
  }
  return made;
}

async function native(models: readonly [string, string], threads: number, rounds: number): Promise<Pair> {
  const engines = models.map(modelId => createNodeEngine({ manifestPath: MANIFEST, modelId, threads }));
  const hu = Float32Array.from({ length: SIZE * SIZE }, (_, i) => 40 + 60 * Math.sin(i * i));
  const input = { hu, rows: SIZE, columns: SIZE };
  const run = async (index: 0 | 1) => {
    const engine = engines[index]!;
    const { slab } = (await engine.prepare()).model;
    const { ms } = await engine.denoiseSlab(Array(slab?.inputs ?? 1).fill(input));
    return ms / (slab?.outputs ?? 1);
  };
  await run(0);
  await run(1);
  const made = await pair(`inference, native, ${words(threads)}`, 'ms a slice', 2 * rounds, run);
  await Promise.all(engines.map(engine => engine.dispose()));
  return made;
}

const words = (threads: number) => `${threads} thread${threads > 1 ? 's' : ''}`;

async function inChromium(models: readonly [string, string], slices: number, rounds: number): Promise<void> {
  const browser = await launchChromium();
  const { server, origin } = await serveEnginePage('models', true);
  try {
    const context = await browser.newContext();
    // tsx keeps function names by a helper that page.evaluate leaves behind: https://github.com/privatenumber/tsx/issues/113
    await context.addInitScript('globalThis.__name = value => value');
    await context.addInitScript(addSeries);
    for (const threads of [1, 2]) await onWasm(context, origin, models, threads, rounds);
    const pages = await both(context, origin, models, { providers: ['webgpu'], allowSoftwareAdapter: true });
    await Promise.all(pages.map(page => inference(page, 64)));
    const webgpu = 'inference, Chromium, WebGPU on a software adapter, 64x64';
    show(await pair(webgpu, 'ms a slice', rounds, index => inference(pages[index], 64)));
    await Promise.all(pages.map(page => page.close()));
    await wholeSeries(context, origin, models, slices);
  } finally {
    await browser.close();
    server.close();
  }
}

async function both(
  context: BrowserContext,
  origin: string,
  models: readonly [string, string],
  choice: Omit<Parameters<typeof prepare>[1], 'modelId'>,
): Promise<[Page, Page]> {
  const pages: Page[] = [];
  for (const modelId of models) {
    const page = await context.newPage();
    page.setDefaultTimeout(1_200_000);
    if (choice.providers.includes('webgpu')) await withoutFullSelfTest(page);
    await open(page, origin);
    await prepare(page, { ...choice, modelId });
    pages.push(page);
  }
  return pages as [Page, Page];
}

async function onWasm(
  context: BrowserContext,
  origin: string,
  models: readonly [string, string],
  threads: number,
  rounds: number,
): Promise<void> {
  const pages = await both(context, origin, models, { providers: ['wasm'], threads });
  await Promise.all(pages.map(page => inference(page, SIZE)));
  const where = `Chromium, wasm, ${words(threads)}`;
  show(await pair(`inference, ${where}`, 'ms a slice', rounds, index => inference(pages[index], SIZE)));
  show(
    await pair(`first slice after Denoise, model warm, ${where}`, 'ms', rounds, async index => {
      const { first } = await series(pages[index], 300, 1);
      return first;
    }),
  );
  await Promise.all(pages.map(page => page.close()));
}

/** Time of one run in the worker, by the slices it gives. */
function inference(page: Page, size: number): Promise<number> {
  return page.evaluate(async side => {
    const engine = api.engines.at(-1)!;
    const { slab } = engine.info!.model;
    const hu = Float32Array.from({ length: side * side }, (_, i) => 40 + 60 * Math.sin(i * i));
    const input = { hu, rows: side, columns: side };
    const { ms } = await engine.denoiseSlab(Array(slab?.inputs ?? 1).fill(input));
    return ms / (slab?.outputs ?? 1);
  }, size);
}

/** A job on a series of `count` slices that ends after `results` of them. ms since its start. */
function series(page: Page, count: number, results: number): Promise<{ first: number; all: number }> {
  return page.evaluate(
    async ([length, most]) => {
      const slices = bench.series(length);
      const job = new api.DenoiseJob({
        series: { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', slices },
        engine: api.engines.at(-1)!,
      });
      // Kept until the page's memory has been looked at.
      Object.assign(globalThis, { job });
      const started = performance.now();
      const arrived: number[] = [];
      job.subscribe(event => {
        if (event.kind !== 'slice') return;
        arrived.push(performance.now() - started);
        if (arrived.length === most && most < length) job.cancel();
      });
      await job.start();
      return { first: arrived[0]!, all: arrived.at(-1)! };
    },
    [count, results] as const,
  );
}

/** A page for each model, because the rest of a page's memory is its own. */
async function wholeSeries(
  context: BrowserContext,
  origin: string,
  models: readonly [string, string],
  slices: number,
): Promise<void> {
  const seconds: number[] = [];
  const memory: { ready: number; done: number }[] = [];
  for (const modelId of models) {
    const page = await open(await context.newPage(), origin);
    page.setDefaultTimeout(1_200_000);
    await prepare(page, { providers: ['wasm'], threads: 2, modelId });
    await series(page, slices, 3);
    const ready = await pageMiB(page);
    seconds.push((await series(page, slices, slices)).all / 1000);
    memory.push({ ready, done: await pageMiB(page) });
    await page.close();
  }
  const row = (what: string, unit: string, [slice, slab]: number[]) =>
    show({ what, unit, slice: [slice!], slab: [slab!] });
  row(`whole series of ${slices}, Chromium, wasm, 2 threads`, 's', seconds);
  row(
    'page memory, first slices done, Chromium, wasm, 2 threads',
    'MiB',
    memory.map(({ ready }) => ready),
  );
  row(
    `page memory, ${slices} slices done, Chromium, wasm, 2 threads`,
    'MiB',
    memory.map(({ done }) => done),
  );
}

function pageMiB(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const memory = performance as Performance & {
      measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
    };
    return (await memory.measureUserAgentSpecificMemory()).bytes / 2 ** 20;
  });
}

async function headless(models: readonly [string, string], slices: number, threads: number): Promise<Pair[]> {
  const made = repeatedSeries(slices);
  const root = await mkdtemp(join(tmpdir(), 'iscl-slabs-'));
  try {
    const used: Usage[] = [];
    for (const id of models) {
      const script = [resolve('cli/iscl-denoise.mjs'), '--model', id];
      used.push(await watched(script, made.folder, join(root, id), threads));
    }
    const where = `command, JPEG-LS, ${words(threads)}`;
    const row = (what: string, unit: string, value: (usage: Usage) => number): Pair => ({
      ...{ what: `${what}, ${where}`, unit },
      ...{ slice: [value(used[0]!)], slab: [value(used[1]!)] },
    });
    return [
      row(`whole series of ${slices}`, 's', ({ wall }) => wall),
      row('share of it without inference', '%', ({ wall, report }) => {
        const { inference } = report.series[0]!.seconds;
        return 100 * (1 - inference / wall);
      }),
      row('the same, less start and end', '%', ({ report }) => {
        const { inference, wall } = report.series[0]!.seconds;
        return 100 * (1 - inference / wall);
      }),
      row('processor', 'ms a slice', ({ cpu }) => (1000 * cpu) / slices),
      row('largest memory', 'MiB', ({ peakMiB }) => peakMiB),
    ];
  } finally {
    rmSync(made.folder, { recursive: true });
    await rm(root, { recursive: true });
  }
}
