import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { createNodeEngine } from '../../src/engine/node';
import type { ModelCard, ModelManifest } from '../../src/engine';
import { copyProbe, matmulProbe, random } from '../onnx/probes';
import { toHalf } from '../onnx/half';
import { readModel, writeModel } from '../onnx/schema';

export interface Size {
  /** Sides of the matrices of the matmul. */
  readonly matrix: number;
  /** How many products more the longer probe has. */
  readonly products: number;
  readonly copyElements: number;
  /** Rows and columns of a slice. */
  readonly slice: number;
  readonly series: number;
  /** Milliseconds a step may repeat its measurement. */
  readonly budget: number;
}

export const FULL: Size = {
  matrix: 4096,
  products: 16,
  copyElements: 1 << 25,
  slice: 512,
  series: 300,
  budget: 2500,
};
/** For a processor that plays a graphics card. */
export const DRY: Size = {
  matrix: 64,
  products: 2,
  copyElements: 1 << 12,
  slice: 64,
  series: 2,
  budget: 200,
};

export interface Times {
  readonly first: number;
  readonly best: number;
  readonly median: number;
  readonly runs: number;
}

/** What a step found. Rates in TFLOP/s and GB/s, times in ms. */
export type Found =
  | {
      readonly kind: 'matmul';
      readonly precision: Precision;
      readonly n: number;
      readonly ms: number;
      readonly tflops: number;
    }
  | {
      readonly kind: 'copy';
      readonly bytes: number;
      readonly ms: number;
      readonly gbPerSecond: number;
      readonly callMs: number;
    }
  | {
      readonly kind: 'model';
      readonly model: string;
      readonly provider: Provider;
      readonly precision: Precision;
      readonly fixedSize: boolean;
      readonly slice: number;
      /** Of one run. */
      readonly gflop: number;
      /** Slices that one run gives. */
      readonly outputs: number;
      readonly openMs: number;
      readonly times: Times;
      /** Largest difference from the processor's float32 result, HU. */
      readonly worstHu: number;
      readonly deviceMiB: number | null;
      readonly processMiB: number;
    }
  | {
      readonly kind: 'series';
      readonly model: string;
      readonly slices: number;
      readonly seconds: number;
      readonly inference: number;
    };

type Precision = 'fp32' | 'fp16';
type Provider = 'webgpu' | 'cpu';

type Runtime = { InferenceSession: typeof InferenceSession; Tensor: typeof Tensor };

async function runtime(): Promise<Runtime> {
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  const imported = (await import('onnxruntime-node')) as unknown as Runtime & { default?: Runtime };
  return imported.InferenceSession ? imported : imported.default!;
}

/** Names of all steps, the most wanted first. */
export async function stepNames(models: string): Promise<string[]> {
  const { models: cards, default: main } = await manifest(models);
  const ids = [main, ...cards.map(({ id }) => id).filter(id => id !== main)];
  const of = (id: string) => [`model ${id} webgpu fp32`, `model ${id} webgpu fp16`];
  return [
    ...of(main),
    'matmul fp32',
    'matmul fp16',
    `series ${main}`,
    `fixed ${main} webgpu fp32`,
    `fixed ${main} webgpu fp16`,
    'copy',
    ...ids.slice(1).flatMap(of),
    `model ${main} cpu fp32`,
  ];
}

export async function runStep(name: string, models: string, size: Size): Promise<Found> {
  const [kind, ...words] = name.split(' ');
  const ort = await runtime();
  if (kind === 'matmul') return matmul(ort, words[0] as Precision, size);
  if (kind === 'copy') return copy(ort, size);
  if (kind === 'series') return series(models, words[0]!, size);
  const [id, provider, precision] = words as [string, Provider, Precision];
  return model(ort, models, { id, provider, precision, fixedSize: kind === 'fixed' }, size);
}

const seed = (ort: Runtime) => ({ seed: new ort.Tensor('float32', Float32Array.of(1), [1]) });

/** Best time of the longer graph less that of the shorter. */
async function difference(
  ort: Runtime,
  [short, long]: [Uint8Array, Uint8Array],
  budget: number,
): Promise<[ms: number, call: number]> {
  const best: number[] = [];
  for (const graph of [short, long]) {
    const session = await ort.InferenceSession.create(graph, { executionProviders: ['webgpu'] });
    best.push((await repeat(() => session.run(seed(ort)), budget)).best);
    await session.release();
  }
  return [best[1]! - best[0]!, best[0]!];
}

async function matmul(
  ort: Runtime,
  precision: Precision,
  { matrix: n, products, budget }: Size,
): Promise<Found> {
  const graph = (times: number) => matmulProbe(n, times, precision === 'fp16');
  const [all] = await difference(ort, [graph(1), graph(1 + products)], budget);
  const ms = all / products;
  return { kind: 'matmul', precision, n, ms, tflops: (2 * n ** 3) / ms / 1e9 };
}

async function copy(ort: Runtime, { copyElements: n, products, budget }: Size): Promise<Found> {
  const [all, callMs] = await difference(ort, [copyProbe(n, 1), copyProbe(n, 1 + products)], budget);
  const ms = all / products;
  return { kind: 'copy', bytes: 8 * n, ms, gbPerSecond: (8 * n) / ms / 1e6, callMs };
}

async function model(
  ort: Runtime,
  models: string,
  which: { id: string; provider: Provider; precision: Precision; fixedSize: boolean },
  { slice, budget }: Size,
): Promise<Found> {
  const { id, provider, precision, fixedSize } = which;
  const card = (await manifest(models)).models.find(one => one.id === id)!;
  const file = await readFile(join(models, card.file));
  const bytes = precision === 'fp16' ? writeModel(toHalf(readModel(file))) : file;
  const { inputs, outputs } = card.slab ?? { inputs: 1, outputs: 1 };
  const hu = random(inputs * slice * slice, 400);
  const input = () => ({ [card.input.name]: new ort.Tensor('float32', hu, [1, inputs, slice, slice]) });
  const before = deviceMemory();

  const started = performance.now();
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [provider],
    intraOpNumThreads: availableParallelism(),
    ...(fixedSize ? { freeDimensionOverrides: { rows: slice, columns: slice } } : {}),
  });
  const openMs = performance.now() - started;
  const output = async (of: InferenceSession) =>
    (await of.run(input()))[card.output.name]!.data as Float32Array;
  const times = await repeat(() => output(session), budget);
  const result = await output(session);
  const after = deviceMemory();
  await session.release();

  const reference = await ort.InferenceSession.create(file, { executionProviders: ['cpu'] });
  const expected = await output(reference);
  const worstHu = result.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
  return {
    kind: 'model',
    model: `${id} ${card.version}`,
    provider,
    precision,
    fixedSize,
    slice,
    gflop: (outputs * (card.gflop512 ?? NaN) * slice ** 2) / 512 ** 2,
    outputs,
    openMs,
    times,
    worstHu: result.some(Number.isNaN) ? Number.POSITIVE_INFINITY : worstHu,
    deviceMiB: before === null || after === null ? null : after - before,
    processMiB: process.resourceUsage().maxRSS / 1024,
  };
}

/** Slices one after the other through the engine of the command: clamp, inference, checks; the first, which compiles shaders, before the clock starts. */
async function series(models: string, modelId: string, { slice, series: slices }: Size): Promise<Found> {
  const engine = createNodeEngine({
    manifestPath: join(models, 'manifest.json'),
    modelId,
    providers: ['webgpu'],
  });
  const hu = random(slice * slice, 400);
  const input = { hu, rows: slice, columns: slice };
  await engine.denoise(input);
  const started = performance.now();
  let inference = 0;
  for (let i = 0; i < slices; i++) inference += (await engine.denoise(input)).ms;
  const seconds = (performance.now() - started) / 1000;
  await engine.dispose();
  return { kind: 'series', model: modelId, slices, seconds, inference: inference / 1000 };
}

/** The first call apart: WebGPU compiles shaders in it. Then at least three calls, at most 200, until the budget is spent. */
async function repeat(work: () => Promise<unknown>, budget: number): Promise<Times> {
  const times: number[] = [];
  const timed = async () => {
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
  const first = await timed();
  const until = performance.now() + budget;
  while (times.length < 3 || (performance.now() < until && times.length < 200)) times.push(await timed());
  times.sort((a, b) => a - b);
  return { first, best: times[0]!, median: times[times.length >> 1]!, runs: times.length };
}

async function manifest(models: string): Promise<ModelManifest & { models: readonly ModelCard[] }> {
  return JSON.parse(await readFile(join(models, 'manifest.json'), 'utf8')) as ModelManifest;
}

/** MiB in use on the first NVIDIA card, all processes; null where no tool says. */
function deviceMemory(): number | null {
  try {
    const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    const first = execFileSync('nvidia-smi', query, { encoding: 'utf8', timeout: 5000, stdio: 'pipe' }).split(
      '\n',
    )[0]!;
    return Number.isFinite(Number.parseInt(first, 10)) ? Number.parseInt(first, 10) : null;
  } catch {
    return null;
  }
}
