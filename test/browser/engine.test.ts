import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import type { BrowserEngineOptions, ModelManifest } from '../../src/engine';
import { BOX_MODEL, boxMean } from '../../src/engine/fixtures';
import { launchChromium, type PageApi, serveEnginePage } from './engine-page';

/*
 * The engine alone in real Chromium: real worker, real ONNX Runtime Web on wasm and on WebGPU (SwiftShader), real crashes. The model is the
 * 3x3 mean of test/fixtures/box-model.
 */

declare const api: PageApi;

const { models } = JSON.parse(readFileSync('models/manifest.json', 'utf8')) as ModelManifest;
/** Shipped models, and their graphs for WebAssembly: slices and slabs. */
const SHIPPED = models.map(
  ({ id, variants }) => [id, variants!.find(({ provider }) => provider === 'wasm')!.file] as const,
);

let browser: Browser;
let servers: { server: Server; origin: string }[];
beforeAll(async () => {
  browser = await launchChromium();
  servers = [
    await serveEnginePage(BOX_MODEL, true),
    await serveEnginePage(BOX_MODEL, false),
    await serveEnginePage('models', true),
  ];
});
afterAll(async () => {
  await browser?.close();
  for (const { server } of servers ?? []) server.close();
});

async function openPage({ isolated = true, withoutGpu = false, shipped = false } = {}): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  if (withoutGpu) await page.addInitScript("Object.defineProperty(navigator, 'gpu', { value: undefined })");
  await page.goto(servers[shipped ? 2 : isolated ? 0 : 1]!.origin);
  await page.waitForFunction('globalThis.api !== undefined');
  return page;
}

/** Creates the engine of a page and prepares it; what the page keeps is reached by `api`. */
function prepare(page: Page, options: Partial<BrowserEngineOptions> = {}) {
  return page.evaluate(async given => {
    const engine = api.createBrowserEngine({
      manifestUrl: `${location.origin}/models/manifest.json`,
      ortBaseUrl: `${location.origin}/ort/`,
      createWorker: () => new Worker('/worker.js', { type: 'module' }),
      allowSoftwareAdapter: true,
      ...given,
    });
    engine.subscribe(event => api.events.push(event));
    api.engines.push(engine);
    return engine.prepare();
  }, options);
}

async function denoise(page: Page, rows: number, columns: number) {
  const hu = Array.from({ length: rows * columns }, (_, i) => Math.round(Math.sin(i * i) * 300));
  const result = await page.evaluate(
    async input => {
      const output = await api.engines[0]!.denoise({ ...input, hu: Float32Array.from(input.hu) });
      return { provider: output.provider, hu: Array.from(output.hu) };
    },
    { hu, rows, columns },
  );
  const expected = boxMean(Float32Array.from(hu), rows, columns);
  const worst = Math.max(...result.hu.map((value, i) => Math.abs(value - expected[i]!)));
  return { provider: result.provider, worst };
}

test('WebGPU: self-test against the golden output and wasm, right numbers', async () => {
  const page = await openPage();
  const info = await prepare(page, { warmUp: { rows: 64, columns: 64 } });
  expect(info).toMatchObject({ provider: 'webgpu', rejected: [], threads: 1, fromCache: false });
  expect(info.adapter).toMatch(/swiftshader/i);
  expect(info.runtime).toBe('onnxruntime-web 1.30.0');
  expect(info.selfTest.againstWasmHu).toBeLessThan(0.01);
  const { provider, worst } = await denoise(page, 64, 64);
  expect(provider).toBe('webgpu');
  expect(worst).toBeLessThan(0.01);
  await page.context().close();
});

test('wasm with threads where isolated, with one where not', async () => {
  const page = await openPage();
  expect(await prepare(page, { providers: ['wasm'], threads: 2 })).toMatchObject({
    threads: 2,
    crossOriginIsolated: true,
  });
  expect((await denoise(page, 64, 64)).worst).toBeLessThan(0.01);
  const second = await openPage({ isolated: false });
  const info = await prepare(second, { providers: ['wasm'], threads: 2 });
  expect(info).toMatchObject({ provider: 'wasm', threads: 1, crossOriginIsolated: false });
  expect((await denoise(second, 64, 64)).worst).toBeLessThan(0.01);
  await page.context().close();
  await second.context().close();
});

test.each(SHIPPED)(
  'the shipped %s on wasm: its own graph gives the golden output',
  async (modelId, wasmFile) => {
    const page = await openPage({ shipped: true });
    const asked: string[] = [];
    page.on('request', request => asked.push(new URL(request.url()).pathname));
    const { model, selfTest } = await prepare(page, { modelId, providers: ['wasm'], threads: 1 });
    expect(model.id).toBe(modelId);
    expect(asked).toContain(`/models/${wasmFile}`);
    expect(selfTest.maxErrorHu).toBeLessThan(0.05);
    await page.context().close();
  },
);

test('the second engine takes the model from the cache', async () => {
  const page = await openPage();
  expect((await prepare(page, { providers: ['wasm'] })).fromCache).toBe(false);
  expect((await prepare(page, { providers: ['wasm'] })).fromCache).toBe(true);
  await page.context().close();
});

test('no WebGPU, or only one on the CPU: wasm, with the reason', async () => {
  const page = await openPage();
  const info = await prepare(page, { allowSoftwareAdapter: false });
  expect(info).toMatchObject({ provider: 'wasm', rejected: [{ provider: 'webgpu', fault: null }] });
  expect(info.rejected[0]!.reason).toContain('computes on the CPU');
  await page.context().close();
});

test('a lost device: new worker, same provider, the slice is not lost', async () => {
  const page = await openPage();
  await prepare(page);
  expect((await denoise(page, 64, 64)).provider).toBe('webgpu');
  // Ending the GPU process is what a driver reset looks like to the page.
  const cdp = await browser.newBrowserCDPSession();
  await cdp.send('Browser.crashGpuProcess').catch(() => undefined);
  const { provider, worst } = await denoise(page, 64, 64);
  expect(worst).toBeLessThan(0.01);
  const events = await page.evaluate(() => api.events.map(event => event.kind));
  expect(events.filter(kind => kind === 'restarting').length).toBeGreaterThanOrEqual(1);
  expect(['webgpu', 'wasm']).toContain(provider);
  await page.context().close();
});

test('a missing runtime file or worker script is named', async () => {
  const page = await openPage();
  const failed = (options: Partial<BrowserEngineOptions>) =>
    prepare(page, { providers: ['wasm'], ...options }).then(
      () => 'prepared',
      (error: Error) => error.message,
    );
  expect(await failed({ ortBaseUrl: `${servers[0]!.origin}/elsewhere/` })).toContain('runtime-load');
  expect(await failed({ manifestUrl: `${servers[0]!.origin}/elsewhere/manifest.json` })).toContain(
    'model-download',
  );
  await page.context().close();
});

test('a worker that hangs in a slice is ended, tried once more, and none is left behind', async () => {
  const page = await openPage();
  const events = await page.evaluate(async () => {
    // Listeners are called in the order of their registration, so the endless loop goes first.
    const hang = "self.addEventListener('message', ({ data }) => { while (data.kind === 'run'); });";
    const script = `import 'data:text/javascript,${encodeURIComponent(hang).replaceAll("'", '%27')}';
      import '${location.origin}/worker.js';`;
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    const engine = api.createBrowserEngine({
      manifestUrl: `${location.origin}/models/manifest.json`,
      ortBaseUrl: `${location.origin}/ort/`,
      createWorker: () => new Worker(url, { type: 'module' }),
      providers: ['wasm'],
      watchdogSeconds: { wasm: 1 },
    });
    engine.subscribe(event => api.events.push(event));
    await engine.denoise({ hu: new Float32Array(4096), rows: 64, columns: 64 }).catch(error => {
      api.events.push({ kind: 'restarting', fault: error.notice, next: 'wasm' });
    });
    return api.events.map(event => (event.kind === 'ready' ? 'ready' : event.fault.code));
  });
  expect(events).toEqual(['ready', 'engine-hang', 'ready', 'engine-hang']);
  for (let i = 0; i < 50 && page.workers().length > 0; i++) await page.waitForTimeout(100);
  expect(page.workers()).toEqual([]);
  await page.context().close();
});

test('dispose ends the worker', async () => {
  const page = await openPage();
  await prepare(page, { providers: ['wasm'] });
  expect(page.workers().length).toBeGreaterThan(0);
  await page.evaluate(() => api.engines[0]!.dispose());
  for (let i = 0; i < 50 && page.workers().length > 0; i++) await page.waitForTimeout(100);
  expect(page.workers()).toEqual([]);
  await page.context().close();
});
