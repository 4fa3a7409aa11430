/** @jest-environment ./test/node-environment.cjs */
import { MessageChannel } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import type * as OrtWeb from 'onnxruntime-web';
import { boxCard, boxFile, boxMean, mixCard, mixFile } from './fixtures';
import { readGolden } from './model-files';
import type { Slab } from './planes';
import type { OpenRequest } from './session';
import type { ModelCard } from './types';
import { openWorkerBackend } from './worker-backend';
import { type Platform, serve, type WorkerScope } from './worker-host';

/*
 * Handle and worker side talking over a real message channel, transfers included, with onnxruntime-node in the place of onnxruntime-web
 * (which calls its CPU provider "wasm").
 */

const asWeb = {
  ...ort,
  env: { ...ort.env, wasm: {}, versions: { ...ort.env.versions, web: '1.2.3' } },
  InferenceSession: {
    create: (model: Uint8Array, options: ort.InferenceSession.SessionOptions) =>
      ort.InferenceSession.create(model, { ...options, executionProviders: ['cpu'] }),
  },
} as unknown as typeof OrtWeb;

let loaded: string[];
const platform = (changes: Partial<Platform> = {}): Platform => ({
  loadOrt: async url => {
    loaded.push(url);
    return asWeb;
  },
  gpu: undefined,
  crossOriginIsolated: true,
  ...changes,
});

const blank: Slab = { height: 8, width: 8, planes: [{ id: 1, data: () => new Float32Array(64) }] };

let terminated: number;
beforeEach(() => {
  loaded = [];
  terminated = 0;
});

/** A Worker whose other end is served in this thread. */
function createWorker(using: Platform): Worker {
  const { port1, port2 } = new MessageChannel();
  serve(port2 as unknown as WorkerScope, using);
  port2.start();
  port1.start();
  return Object.assign(port1, {
    terminate: () => {
      terminated += 1;
      port1.close();
    },
  }) as unknown as Worker;
}

const golden = (card: ModelCard, file: (name: string) => Uint8Array) =>
  readGolden(card, async name => ({ bytes: file(name), where: name }));

const request = async (changes: Partial<OpenRequest> = {}): Promise<OpenRequest> => {
  const card = boxCard();
  return {
    provider: 'wasm',
    reference: 'wasm',
    card,
    model: boxFile(card.file),
    wasmGraph: null,
    golden: await golden(card, boxFile),
    threads: 2,
    warmUp: null,
    ...changes,
  };
};

async function open(
  asked: OpenRequest | Promise<OpenRequest> = request(),
  using = platform(),
  signal = new AbortController().signal,
) {
  const given = await asked;
  const steps: string[] = [];
  const options = {
    createWorker: () => createWorker(using),
    ortBaseUrl: 'https://host/ort/',
    allowSoftwareAdapter: false,
  };
  return openWorkerBackend(options, given, step => steps.push(step), signal).then(backend => ({
    backend,
    steps,
  }));
}

test('opens, tests, runs; tensors are moved, not copied', async () => {
  const given = await request();
  const { backend, steps } = await open(given);
  expect(steps).toEqual(['load', 'self-test']);
  expect(loaded).toEqual(['https://host/ort/ort.webgpu.min.mjs']);
  expect(asWeb.env.wasm).toEqual({
    numThreads: 2,
    wasmPaths: {
      mjs: 'https://host/ort/ort-wasm-simd-threaded.asyncify.mjs',
      wasm: 'https://host/ort/ort-wasm-simd-threaded.asyncify.wasm',
    },
  });
  expect(backend.opened).toMatchObject({ threads: 2, adapter: null, runtime: 'onnxruntime-web 1.2.3' });
  expect(given.model.length).toBe(0);
  const data = Float32Array.from({ length: 8 * 16 }, (_, i) => i);
  const expected = boxMean(data, 8, 16);
  const result = await backend.run({ height: 8, width: 16, planes: [{ id: 1, data: () => data }] });
  expect(data.length).toBe(0);
  result.data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 3));
  await backend.close();
  expect(terminated).toBe(1);
  await expect(backend.run(blank)).rejects.toMatchObject({
    notice: { code: 'cancelled' },
  });
});

test('a run given during another is answered after it, each with its own result', async () => {
  const { backend } = await open();
  const inputs = [1, 2, 3].map(id => Float32Array.from({ length: 64 }, (_, i) => id * i));
  const expected = inputs.map(data => boxMean(data, 8, 8));
  const order: number[] = [];
  const runs = inputs.map((data, i) =>
    backend.run({ height: 8, width: 8, planes: [{ id: i, data: () => data }] }).finally(() => order.push(i)),
  );
  const results = await Promise.all(runs);
  expect(order).toEqual([0, 1, 2]);
  results.forEach(({ data }, i) =>
    data.forEach((value, at) => expect(value).toBeCloseTo(expected[i]![at]!, 3)),
  );
  const hung = [backend.run(blank), backend.run(blank)];
  await backend.close();
  for (const run of hung) await expect(run).rejects.toMatchObject({ notice: { code: 'cancelled' } });
});

test('a slab model: each slice crosses once, a repeated one too', async () => {
  const card = mixCard();
  const given = await request({
    card,
    model: mixFile(card.file),
    golden: await golden(card, mixFile),
  });
  const { backend } = await open(given);
  const crossed: number[] = [];
  const slab = (ids: number[]): Slab => ({
    height: 8,
    width: 8,
    planes: ids.map(id => ({ id, data: () => (crossed.push(id), new Float32Array(64).fill(100 * id)) })),
  });
  const run = async (ids: number[]) => {
    const { data } = await backend.run(slab(ids));
    expect(data.length).toBe(3 * 64);
    return [0, 64, 128].map(at => Math.round(data[at]!));
  };
  const mixed = (ids: number[]) => [0, 1, 2].map(i => 15 * ids[i]! + 60 * ids[i + 1]! + 25 * ids[i + 2]!);
  for (const ids of [
    [1, 1, 2, 3, 4],
    [3, 4, 5, 6, 7],
    [6, 7, 8, 8, 8],
    [2, 2, 2, 2, 2],
  ])
    expect(await run(ids)).toEqual(mixed(ids));
  expect(crossed).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  await backend.close();
});

test('the graph for wasm is what wasm loads', async () => {
  const broken = request({ wasmGraph: new Uint8Array(100) });
  await expect(open(broken)).rejects.toMatchObject({ notice: { code: 'inference', provider: 'wasm' } });
});

test('one thread where the page is not isolated', async () => {
  const { backend } = await open(request(), platform({ crossOriginIsolated: false }));
  expect(backend.opened).toMatchObject({ threads: 1, crossOriginIsolated: false });
  await backend.close();
});

test.each<[string, GPU | undefined, string]>([
  ['no WebGPU', undefined, 'has no WebGPU'],
  ['no adapter', { requestAdapter: async () => null } as unknown as GPU, 'no graphics adapter'],
  ['software', gpuWith({ architecture: 'swiftshader' }), 'computes on the CPU'],
  ['no 16-bit floats', gpuWith({ description: 'Old GPU' }), 'Old GPU'],
])('WebGPU is declined with a reason: %s', async (_name, gpu, reason) => {
  const given = await request({ provider: 'webgpu', card: { ...boxCard(), precision: 'fp16' } });
  await expect(open(given, platform({ gpu }))).rejects.toThrow(reason);
  expect(loaded).toEqual([]);
  expect(terminated).toBe(1);
});

function gpuWith(info: Partial<GPUAdapterInfo>): GPU {
  const adapter = { info: { vendor: '', architecture: '', description: '', ...info }, features: new Set() };
  return { requestAdapter: async () => adapter } as unknown as GPU;
}

test('a graphics card: warmed up at the size to come; when it is lost, the next run says so', async () => {
  let lose: (info: { reason: string; message: string }) => void = () => undefined;
  const lost = new Promise(resolve => (lose = resolve));
  Object.assign(asWeb.env, { webgpu: { device: Promise.resolve({ lost }) } });
  const given = await request({ provider: 'webgpu', warmUp: { rows: 61, columns: 64 } });
  const { backend, steps } = await open(given, platform({ gpu: gpuWith({ description: 'A GPU' }) }));
  expect(steps).toEqual(['load', 'self-test', 'warm-up']);
  expect(backend.opened).toMatchObject({ adapter: 'A GPU', threads: 1, selfTest: { againstWasmHu: 0 } });
  lose({ reason: 'unknown', message: 'driver reset' });
  await new Promise(resolve => setTimeout(resolve, 50));
  await expect(backend.run(blank)).rejects.toMatchObject({
    notice: { code: 'device-lost', provider: 'webgpu', detail: 'unknown: driver reset' },
  });
  await backend.close();
});

test('a runtime that does not load, a model that is no model, and wrong numbers are told apart', async () => {
  const missing = platform({ loadOrt: () => Promise.reject(new Error('404')) });
  await expect(open(request(), missing)).rejects.toMatchObject({
    notice: { code: 'runtime-load', url: 'https://host/ort/ort.webgpu.min.mjs', detail: '404' },
  });
  await expect(open(request({ model: new Uint8Array(100) }))).rejects.toMatchObject({
    notice: { code: 'inference' },
  });
  const wrong = (await request()).golden;
  wrong.output[5]! += 1;
  await expect(open(request({ golden: wrong }))).rejects.toMatchObject({
    notice: { code: 'self-test', provider: 'wasm' },
  });
  expect(terminated).toBe(3);
});

test('aborting the opening ends the worker', async () => {
  const controller = new AbortController();
  const never = platform({ loadOrt: () => new Promise(() => undefined) });
  const opening = open(request(), never, controller.signal);
  await new Promise(setImmediate);
  controller.abort();
  await expect(opening).rejects.toMatchObject({ notice: { code: 'cancelled' } });
  expect(terminated).toBe(1);
});
