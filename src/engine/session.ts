import type * as Ort from 'onnxruntime-web';
import { DenoiseError } from '../notices';
import { fullGoldenInput, fullSamplePlaces, type GoldenSize } from './golden-full';
import { slabSize } from './manifest';
import type { GoldenFiles } from './model-files';
import { maxAbsDifference, paddedSize, type Tensor } from './tensor';
import type { EngineInfo, ModelCard, Provider } from './types';

/** The part of ONNX Runtime used here; onnxruntime-web and onnxruntime-node both fit, and tests bring their own. */
export type OrtRuntime = Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;

/** Everything a session is opened from; buffers are moved to the worker. */
export interface OpenRequest {
  readonly provider: Provider;
  /** The runtime's own CPU provider, against which WebGPU is checked. */
  readonly reference: 'wasm' | 'cpu';
  readonly card: ModelCard;
  readonly model: Uint8Array;
  /** What the wasm provider loads instead, with the weights of `model`; null for none. */
  readonly wasmGraph: Uint8Array | null;
  readonly golden: GoldenFiles;
  readonly threads: number;
  /** Size of the slices to come, run once on WebGPU, where the first run of a size compiles its shaders; null for none. */
  readonly warmUp: { readonly rows: number; readonly columns: number } | null;
}

export type OpenStep = 'load' | 'self-test' | 'warm-up';

export interface TensorResult extends Tensor {
  readonly ms: number;
}

export interface ModelSession {
  readonly selfTest: EngineInfo['selfTest'];
  /** @throws DenoiseError `inference` */
  run(tensor: Tensor): Promise<TensorResult>;
  release(): Promise<void>;
}

/**
 * A session that has proved itself: the golden input gives the golden output within the card's tolerance, and on WebGPU also what wasm
 * gives in the same runtime; a slice of full size gives the stored samples (drivers and the WebGPU provider have returned wrong numbers without an error:
 * https://github.com/microsoft/onnxruntime/issues/29651, https://github.com/microsoft/onnxruntime/issues/32134).
 * @throws DenoiseError `inference` when the runtime fails, `self-test` when the numbers are wrong
 */
export async function openSession(
  ort: OrtRuntime,
  request: OpenRequest,
  onStep: (step: OpenStep) => void,
): Promise<ModelSession> {
  const { provider, card, golden } = request;
  const { rows, columns, toleranceHU } = card.golden;
  // Not the request's array: WebGPU gets two runs of it, and a runtime may keep or move what it is given.
  const goldenTensor = () => ({ data: golden.input.slice(), height: rows, width: columns });

  onStep('load');
  let reference: Float32Array | null = null;
  if (provider === 'webgpu') {
    const cpu = await create(ort, request, request.reference);
    try {
      reference = (await runOnce(ort, cpu, goldenTensor(), card, request.reference)).data;
    } finally {
      await cpu.release();
    }
  }
  const session = await create(ort, request, provider);
  try {
    onStep('self-test');
    const { data } = await runOnce(ort, session, goldenTensor(), card, provider);
    const maxErrorHu = maxAbsDifference(data, golden.output);
    const againstWasmHu = reference ? maxAbsDifference(data, reference) : null;
    const worst = Math.max(maxErrorHu, againstWasmHu ?? 0);
    if (worst > toleranceHU) throw selfTestFault(provider, worst, card.golden);
    const fullSizeErrorHu = await fullSizeError(ort, session, request);
    if (fullSizeErrorHu !== null && fullSizeErrorHu > toleranceHU)
      throw selfTestFault(provider, fullSizeErrorHu, card.golden.full!);
    if (provider === 'webgpu' && request.warmUp) {
      onStep('warm-up');
      const { height, width } = paddedSize(request.warmUp, card);
      const data = new Float32Array(slabSize(card).inputs * height * width);
      await runOnce(ort, session, { data, height, width }, card, provider);
    }
    return {
      selfTest: { maxErrorHu, againstWasmHu, fullSizeErrorHu, toleranceHu: toleranceHU },
      run: tensor => runOnce(ort, session, tensor, card, provider),
      release: () => session.release(),
    };
  } catch (error) {
    await session.release().catch(() => undefined); // The first error is the one to tell.
    throw error;
  }
}

/** Largest difference of a full-size output from its stored samples, HU; null for a model without them. */
async function fullSizeError(
  ort: OrtRuntime,
  session: Ort.InferenceSession,
  { provider, card, golden }: OpenRequest,
): Promise<number | null> {
  const size = card.golden.full;
  if (!size || !golden.full) return null;
  const { inputs, outputs } = slabSize(card);
  const input = { data: fullGoldenInput(size, inputs, size.seed), height: size.rows, width: size.columns };
  const { data } = await runOnce(ort, session, input, card, provider);
  return maxAbsDifference(
    Float32Array.from(fullSamplePlaces(size, outputs), place => data[place]!),
    golden.full,
  );
}

const selfTestFault = (provider: Provider, maxErrorHu: number, { rows, columns }: GoldenSize) =>
  new DenoiseError({ kind: 'fault', code: 'self-test', provider, maxErrorHu, rows, columns });

async function create(
  ort: OrtRuntime,
  request: OpenRequest,
  provider: Provider,
): Promise<Ort.InferenceSession> {
  const { card, model, wasmGraph } = request;
  const graph = provider === 'wasm' ? wasmGraph : null;
  try {
    return await ort.InferenceSession.create(graph ?? model, {
      ...(graph ? { externalData: [{ path: card.file, data: model }] } : {}),
      executionProviders: [provider],
      intraOpNumThreads: request.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
    });
  } catch (cause) {
    throw inferenceFault(provider, cause);
  }
}

async function runOnce(
  ort: OrtRuntime,
  session: Ort.InferenceSession,
  { data, height, width }: Tensor,
  card: ModelCard,
  provider: Provider,
): Promise<TensorResult> {
  const { inputs, outputs: slices } = slabSize(card);
  try {
    const started = performance.now();
    const input = new ort.Tensor('float32', data, [1, inputs, height, width]);
    const outputs = await session.run({ [card.input.name]: input });
    const ms = performance.now() - started;
    const output = outputs[card.output.name];
    if (!output) throw new Error(`the model has no output "${card.output.name}"`);
    if (!(output.data instanceof Float32Array) || output.data.length !== slices * height * width) {
      throw new Error(
        `the output is ${output.type} [${output.dims.join(', ')}] for an input of ${inputs} x ${height} x ${width}`,
      );
    }
    return { data: output.data, height, width, ms };
  } catch (cause) {
    throw inferenceFault(provider, cause);
  }
}

export function inferenceFault(provider: Provider, cause: unknown): DenoiseError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new DenoiseError({ kind: 'fault', code: 'inference', provider, detail }, { cause });
}
