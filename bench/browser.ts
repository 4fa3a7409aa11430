import type { Page } from 'playwright-core';
import { launchChromium, type PageApi, serveEnginePage } from '../test/browser/engine-page';
import type { Row } from './measure';

declare const api: PageApi;

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
  const rows: Row[] = [];
  try {
    for (const threads of [1, 2]) {
      const page = await open(await context.newPage(), origin);
      const { label } = await prepare(page, { providers: ['wasm'], threads });
      rows.push(await inference(page, label, 512, 7));
      if (threads === 2)
        rows.push(await firstSlice(page, label), await startUp(await context.newPage(), origin));
      await page.close();
    }
    const page = await open(await context.newPage(), origin);
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

async function open(page: Page, origin: string): Promise<Page> {
  await page.goto(origin);
  await page.waitForFunction('globalThis.api !== undefined');
  return page;
}

interface Choice {
  readonly providers: ('webgpu' | 'wasm')[];
  readonly threads?: number;
  readonly allowSoftwareAdapter?: boolean;
}

async function prepare(page: Page, choice: Choice): Promise<{ label: string; software: boolean }> {
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

function row(what: string, per: string, times: number[]): Row {
  const sorted = times.toSorted((a, b) => a - b);
  return { what, per, best: sorted[0]!, median: sorted[sorted.length >> 1]!, runs: sorted.length };
}

async function inference(page: Page, label: string, size: number, runs: number): Promise<Row> {
  const times = await page.evaluate(
    async ([side, count]) => {
      const engine = api.engines.at(-1)!;
      const hu = Float32Array.from({ length: side * side }, (_, i) => 40 + 60 * Math.sin(i * i));
      const measured: number[] = [];
      for (let i = 0; i <= count; i++) {
        const started = performance.now();
        await engine.denoise({ hu, rows: side, columns: side });
        if (i > 0) measured.push(performance.now() - started);
      }
      return measured;
    },
    [size, runs] as const,
  );
  return row(`inference: ${label}`, `slice ${size}x${size}`, times);
}

/** From the press of Denoise, model warm, to the first slice: verdict, source pixels and inference included. */
async function firstSlice(page: Page, label: string): Promise<Row> {
  const times = await page.evaluate(async () => {
    const engine = api.engines.at(-1)!;
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
    const slices = Array.from({ length: 300 }, (_, i) => ({
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
      loadHu: async () => ({ rows: 512, columns: 512, hu: new Float32Array(512 * 512), padding, modality }),
    }));
    const measured: number[] = [];
    for (let i = 0; i < 5; i++) {
      const series = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', slices };
      const job = new api.DenoiseJob({ series, engine });
      const started = performance.now();
      const run = job.start();
      await new Promise<void>(resolve => job.subscribe(event => event.kind === 'slice' && resolve()));
      measured.push(performance.now() - started);
      job.cancel();
      await run;
      job.dispose();
    }
    return measured;
  });
  return row(`first slice after Denoise, model warm: ${label}`, 'series of 300', times);
}

/** A fresh page whose files are in the browser's cache: ONNX Runtime, model, self-test. */
async function startUp(page: Page, origin: string): Promise<Row> {
  const times: number[] = [];
  let label = '';
  for (let i = 0; i < 3; i++) {
    await open(page, origin);
    const started = performance.now();
    ({ label } = await prepare(page, { providers: ['wasm'], threads: 2 }));
    times.push(performance.now() - started);
  }
  await page.close();
  return row(`engine ready, files cached: ${label}`, 'page', times);
}
