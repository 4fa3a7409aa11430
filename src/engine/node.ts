import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Worker as Thread } from 'node:worker_threads';
import { DenoiseError } from '../notices';
import { LARGEST_MANIFEST, readCard } from './manifest';
import { assertGraph, matchesHash, readGolden, type ModelFiles } from './model-files';
import { openHere } from './node-session';
import { SupervisedEngine } from './supervisor';
import type { Engine, ModelCard } from './types';
import { openWorkerBackend } from './worker-backend';

export interface NodeEngineOptions {
  /** Path of models/manifest.json. */
  readonly manifestPath: string;
  readonly modelId?: string;
  /** Tried in order; default cpu alone, so that a batch gives the same pixels on every machine. */
  readonly providers?: readonly ('cpu' | 'webgpu')[];
  /** Intra-op threads; default all cores. */
  readonly threads?: number;
  /**
   * Starts a thread whose entry is `node.worker.ts`; without it, inference keeps the calling thread busy, because onnxruntime-node's `run` is
   * synchronous inside.
   */
  readonly createThread?: () => Thread;
}

/** A slice that takes longer has hung; in Node it cannot be killed, but it is no longer waited for. */
const RUN_SECONDS = 600;
/** A thread that has not ended by then after it was asked to hangs. */
const END_SECONDS = 30;

/** The engine in Node: onnxruntime-node in a thread or here, the same checks and self-test as in the browser. */
export function createNodeEngine(options: NodeEngineOptions): Engine {
  const { manifestPath, modelId, createThread } = options;

  return new SupervisedEngine({
    providers: options.providers ?? ['cpu'],
    reference: 'cpu',
    threads: options.threads ?? availableParallelism(),
    warmUp: null,
    loadCard: async () => readCard(await read(manifestPath, LARGEST_MANIFEST), modelId, manifestPath),
    loadFiles: card => readFiles(manifestPath, card),
    open: (request, onStep, signal) => {
      // It sends usage data to Microsoft by default since 1.29 (https://github.com/microsoft/onnxruntime/pull/27379), which nobody who
      // works with patients' images has agreed to. Set here: a thread's process.env is a copy that native code does not see.
      process.env['ORT_DISABLE_TELEMETRY'] = '1';
      if (!createThread) return openHere(request, onStep);
      const createWorker = () => asWorker(createThread());
      return openWorkerBackend(
        { createWorker, ortBaseUrl: '', allowSoftwareAdapter: true },
        request,
        onStep,
        signal,
      );
    },
    openSeconds: RUN_SECONDS,
    runSeconds: () => RUN_SECONDS,
  });
}

async function readFiles(manifestPath: string, card: ModelCard): Promise<ModelFiles> {
  const path = (file: string) => resolve(dirname(manifestPath), file);
  const model = await read(path(card.file), card.bytes);
  if (!(await matchesHash(model, card))) {
    throw new DenoiseError({ kind: 'fault', code: 'model-hash', url: path(card.file) });
  }
  assertGraph(model, null, path(card.file));
  const golden = await readGolden(card, async (file, bytes) => {
    const where = path(file);
    return { bytes: await read(where, bytes), where };
  });
  return {
    model,
    wasmGraph: null,
    golden,
    fromCache: false,
  };
}

/** A regular file of at most `most` bytes: a device or a pipe has no end. @throws DenoiseError `model-download` */
async function read(path: string, most: number): Promise<Uint8Array> {
  try {
    // Without O_NONBLOCK, opening a pipe waits for who writes to it.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new Error('it is not a regular file');
      if (found.size > most) throw new Error(`it has ${found.size} bytes, at most ${most} belong there`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new DenoiseError({ kind: 'fault', code: 'model-download', url: path, detail }, { cause });
  }
}

/** The thread as openWorkerBackend knows workers. */
function asWorker(thread: Thread): Worker {
  const listeners = {
    message: (listener: (event: object) => void) =>
      thread.on('message', (data: unknown) => listener({ data })),
    error: (listener: (event: object) => void) =>
      thread.on('error', ({ message }: Error) => listener({ message })),
    messageerror: (listener: (event: object) => void) => thread.on('messageerror', listener),
  };
  return {
    addEventListener: (type: keyof typeof listeners, listener: (event: object) => void) =>
      listeners[type](listener),
    postMessage: (message: unknown, transfer: ArrayBuffer[]) => thread.postMessage(message, transfer),
    terminate() {
      // Asked, not forced, and waited for: a process that ends while the thread is in native code aborts. One that has hung is let go.
      thread.postMessage(null);
      setTimeout(() => thread.unref(), END_SECONDS * 1000).unref();
    },
  } as unknown as Worker;
}
