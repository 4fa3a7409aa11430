import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type * as Ort from 'onnxruntime-web';
import { DenoiseError } from '../notices';
import { readCard } from './manifest';
import { goldenValues, matchesHash, type ModelFiles } from './model-files';
import { inferenceFault, openSession, type OpenRequest } from './session';
import { type OpenBackend, SupervisedEngine } from './supervisor';
import type { Engine, ModelCard } from './types';

export interface NodeEngineOptions {
  /** Path of models/manifest.json. */
  readonly manifestPath: string;
  readonly modelId?: string;
  /** Tried in order; default cpu alone, so that a batch gives the same pixels on every machine. */
  readonly providers?: readonly ('cpu' | 'webgpu')[];
  /** Intra-op threads; default all cores. */
  readonly threads?: number;
}

/** A slice that takes longer has hung; in Node it cannot be killed, but it is no longer waited for. */
const RUN_SECONDS = 600;

/** The engine in Node: onnxruntime-node in this process, the same checks and self-test as in the browser. */
export function createNodeEngine(options: NodeEngineOptions): Engine {
  const { manifestPath, modelId } = options;
  return new SupervisedEngine({
    providers: options.providers ?? ['cpu'],
    reference: 'cpu',
    threads: options.threads ?? availableParallelism(),
    warmUp: null,
    loadCard: async () => readCard(await read(manifestPath), modelId, manifestPath),
    loadFiles: card => readFiles(manifestPath, card),
    open: openHere,
    openSeconds: RUN_SECONDS,
    runSeconds: () => RUN_SECONDS,
  });
}

async function readFiles(manifestPath: string, card: ModelCard): Promise<ModelFiles> {
  const path = (file: string) => resolve(dirname(manifestPath), file);
  const model = await read(path(card.file));
  if (!(await matchesHash(model, card))) {
    throw new DenoiseError({ kind: 'fault', code: 'model-hash', url: path(card.file) });
  }
  const golden = async (file: string) => goldenValues(await read(path(file)), card, path(file));
  const { input, output } = card.golden;
  return { model, golden: { input: await golden(input), output: await golden(output) }, fromCache: false };
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new DenoiseError({ kind: 'fault', code: 'model-download', url: path, detail }, { cause });
  }
}

async function openHere(
  request: OpenRequest,
  onStep: Parameters<typeof openSession>[2],
): Promise<OpenBackend> {
  // It sends usage data to Microsoft by default since 1.29 (https://github.com/microsoft/onnxruntime/pull/27379), which nobody who
  // works with patients' images has agreed to. Read once, when the native library is loaded.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  // Loaded when needed: its native library is 30 MB, and judging or listing needs none of it.
  const imported = (await import('onnxruntime-node')) as unknown as typeof Ort & {
    readonly default?: typeof Ort;
  };
  const ort = imported.InferenceSession ? imported : imported.default!;
  const session = await openSession(ort, request, onStep);
  let closed = false;
  /** Releasing a session while it runs would crash the process. */
  let running: Promise<unknown> = Promise.resolve();
  return {
    opened: {
      adapter: request.provider === 'webgpu' ? 'default adapter' : null,
      threads: request.provider === 'cpu' ? request.threads : 1,
      crossOriginIsolated: true,
      runtime: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`,
      selfTest: session.selfTest,
    },
    run: async tensor => {
      if (closed) throw inferenceFault(request.provider, 'the session is closed');
      const result = session.run(tensor);
      running = result.catch(() => undefined);
      return result;
    },
    close: () => {
      closed = true;
      // Not awaited: after a hang this would wait for ever.
      void running.then(() => session.release()).catch(() => undefined);
    },
  };
}
