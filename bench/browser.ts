import type { Page } from 'playwright-core';
import type { CtSlice } from '../src/ct';
import type { ModelManifest } from '../src/engine';
import { BOX_MODEL } from '../src/engine/fixtures';
import { launchChromium, type PageApi, serveEnginePage } from '../test/browser/engine-page';
import type { Row } from './measure';

declare const api: PageApi;
declare const bench: { series(count: number): CtSlice[] };

/** Runs in the page: an axial series of 512 x 512 slices of air whose pixels are made when asked for. */
export function addSeries(): void {
  const padding = null;
  const modality = {
    slope: 1,
    intercept: -1024,
    bitsAllocated: 16,
    bitsStored: 12,
    signed: false,
    minStored: 0,
    maxStored: 4095,
    padding,
  } as const;
  const series = (count: number): CtSlice[] =>
    Array.from({ length: count }, (_, i) => ({
      instance: {
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
        SOPInstanceUID: `1.2.3.${i}`,
        SeriesInstanceUID: '1.2.3',
        StudyInstanceUID: '1.2',
        Modality: 'CT',
        ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
        Rows: 512,
        Columns: 512,
        PhotometricInterpretation: 'MONOCHROME2',
        BitsAllocated: 16,
        BitsStored: 12,
        PixelRepresentation: 0,
        RescaleSlope: 1,
        RescaleIntercept: -1024,
        PixelSpacing: [0.7, 0.7],
        ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
        ImagePositionPatient: [0, 0, i],
      },
      loadHu: async () => ({
        ...{ rows: 512, columns: 512, padding, modality },
        hu: new Float32Array(512 * 512),
        stored: new Uint16Array(512 * 512).fill(1024),
      }),
    }));
  Object.assign(globalThis, { bench: { series } });
}

/*
 * The same engine, worker and job as in the plugin, in Chromium, with the default model. WebGPU without a graphics card runs on SwiftShader, on
 * the CPU: it says that the path works, not how fast WebGPU is.
 */

export async function browserRows(): Promise<Row[]> {
  const browser = await launchChromium();
  const { server, origin } = await serveEnginePage('models', true);
  const context = await browser.newContext();
  // tsx keeps function names by a helper that page.evaluate leaves behind: https://github.com/privatenumber/tsx/issues/113
  await context.addInitScript('globalThis.__name = value => value');
  await context.addInitScript(addSeries);
  const rows: Row[] = [];
  try {
    for (const threads of [1, 2]) {
      const page = await open(await context.newPage(), origin);
      const { label } = await prepare(page, { providers: ['wasm'], threads });
      rows.push(await inference(page, label, 512, 7));
      if (threads === 2)
        rows.push(await firstSlice(page, label), await startUp(await context.newPage(), origin, label));
      await page.close();
      rows.push(...(await plainGraph(await context.newPage(), origin, threads)));
    }
    const page = await context.newPage();
    await withoutFullSelfTest(page);
    await open(page, origin);
    const { label, software } = await prepare(page, {
      providers: ['webgpu', 'wasm'],
      allowSoftwareAdapter: true,
    });
    rows.push(await inference(page, label, software ? 64 : 512, 7));
  } finally {
    await browser.close();
    server.close();
  }
  return rows;
}

/** The alternative on wasm: the model's plain file, as WebGPU runs it. No row where the model has no graph of its own for wasm. */
async function plainGraph(page: Page, origin: string, threads: number): Promise<Row[]> {
  let removed = 0;
  await page.route('**/models/manifest.json', async route => {
    const response = await route.fetch();
    const manifest = (await response.json()) as ModelManifest;
    const models = manifest.models.map(({ variants = [], ...card }) => {
      removed += variants.length;
      return card;
    });
    await route.fulfill({ response, json: { ...manifest, models } });
  });
  await open(page, origin);
  const { label } = await prepare(page, { providers: ['wasm'], threads });
  const rows = removed > 0 ? [await inference(page, `${label}, plain graph`, 512, 7)] : [];
  await page.close();
  return rows;
}

/** A software adapter takes minutes for the golden pair of full size. The one of 64x64 is still tested. */
export async function withoutFullSelfTest(page: Page): Promise<void> {
  await page.route('**/models/manifest.json', async route => {
    const response = await route.fetch();
    const manifest = (await response.json()) as ModelManifest;
    const models = manifest.models.map(card => ({ ...card, golden: { ...card.golden, full: undefined } }));
    await route.fulfill({ response, json: { ...manifest, models } });
  });
}

export async function open(page: Page, origin: string): Promise<Page> {
  await page.goto(origin);
  await page.waitForFunction('globalThis.api !== undefined');
  return page;
}

interface Choice {
  /** Default: the manifest's. */
  readonly modelId?: string;
  readonly providers: ('webgpu' | 'wasm')[];
  readonly threads?: number;
  readonly allowSoftwareAdapter?: boolean;
}

export async function prepare(page: Page, choice: Choice): Promise<{ label: string; software: boolean }> {
  const info = await page.evaluate(given => {
    const engine = api.createBrowserEngine({
      manifestUrl: `${location.origin}/models/manifest.json`,
      ortBaseUrl: `${location.origin}/ort/`,
      createWorker: () => new Worker('/worker.js', { type: 'module' }),
      ...given,
    });
    api.engines.push(engine);
    return engine.prepare();
  }, choice);
  const { model, provider, threads, adapter } = info;
  const where =
    provider === 'wasm' ? `wasm, ${threads} thread${threads > 1 ? 's' : ''}` : `WebGPU on ${adapter}`;
  return {
    label: `${model.id} ${model.version}, Chromium, ${where}`,
    software: /swiftshader/i.test(adapter ?? ''),
  };
}

/** Times `work`, which gives the wall time of each run, and the processor time of all of Chromium meanwhile. */
async function timed(page: Page, what: string, per: string, work: () => Promise<number[]>): Promise<Row> {
  const before = await processorMs(page);
  const times = (await work()).toSorted((a, b) => a - b);
  const cpu = ((await processorMs(page)) - before) / times.length;
  return { what, per, best: times[0]!, median: times[times.length >> 1]!, cpu, runs: times.length };
}

/** Of the browser and all its processes since their start. */
async function processorMs(page: Page): Promise<number> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0);
}

async function inference(page: Page, label: string, size: number, count: number): Promise<Row> {
  const run = (runs: number) =>
    page.evaluate(
      async ([side, times]) => {
        const engine = api.engines.at(-1)!;
        const hu = Float32Array.from({ length: side * side }, (_, i) => 40 + 60 * Math.sin(i * i));
        const measured: number[] = [];
        for (let i = 0; i < times; i++) {
          const started = performance.now();
          await engine.denoise({ hu, rows: side, columns: side });
          measured.push(performance.now() - started);
        }
        return measured;
      },
      [size, runs] as const,
    );
  await run(1);
  return timed(page, `inference: ${label}`, `slice ${size}x${size}`, () => run(count));
}

/** From the press of Denoise, model warm, to the first slice: verdict, source pixels and inference included. */
function firstSlice(page: Page, label: string): Promise<Row> {
  return timed(page, `first slice after Denoise, model warm: ${label}`, 'series of 300', () =>
    page.evaluate(async () => {
      const engine = api.engines.at(-1)!;
      const slices = bench.series(300);
      const measured: number[] = [];
      for (let i = 0; i < 5; i++) {
        const series = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', slices };
        const job = new api.DenoiseJob({ series, engine });
        const started = performance.now();
        job.subscribe(event => {
          if (event.kind !== 'slice') return;
          measured.push(performance.now() - started);
          job.cancel();
        });
        await job.start();
        job.dispose();
      }
      return measured;
    }),
  );
}

/**
 * Memory of a page that has denoised 300 slices, all agents of the page together (worker and its wasm heap included), MiB: with the
 * tests' tiny model, since the model's size does not grow with the series. What OHIF itself holds comes on top.
 */
export async function memoryOf300(): Promise<{ before: number; after: number }> {
  const browser = await launchChromium();
  const { server, origin } = await serveEnginePage(BOX_MODEL, true);
  try {
    const context = await browser.newContext();
    await context.addInitScript('globalThis.__name = value => value');
    await context.addInitScript(addSeries);
    const page = await open(await context.newPage(), origin);
    await prepare(page, { providers: ['wasm'], threads: 1 });
    return await page.evaluate(async () => {
      const memory = performance as Performance & {
        measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
      };
      const mebibytes = async () =>
        Math.round((await memory.measureUserAgentSpecificMemory()).bytes / 2 ** 20);
      const before = await mebibytes();
      const series = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', slices: bench.series(300) };
      const job = new api.DenoiseJob({ series, engine: api.engines.at(-1)! });
      const { progress } = await job.start();
      if (progress.done !== 300) throw new Error(`only ${progress.done} slices were denoised`);
      return { before, after: await mebibytes() };
    });
  } finally {
    await browser.close();
    server.close();
  }
}

/** A fresh page whose files are in the browser's cache: ONNX Runtime, model, self-test. */
async function startUp(page: Page, origin: string, label: string): Promise<Row> {
  const row = await timed(page, `engine ready, files cached: ${label}`, 'page', async () => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      await open(page, origin);
      const started = performance.now();
      await prepare(page, { providers: ['wasm'], threads: 2 });
      times.push(performance.now() - started);
    }
    return times;
  });
  await page.close();
  return row;
}
