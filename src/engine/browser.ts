import { fetchCard, fetchFiles } from './model-files';
import { SupervisedEngine } from './supervisor';
import type { Engine, Provider } from './types';
import { openWorkerBackend } from './worker-backend';

export interface BrowserEngineOptions {
  /** Absolute URL of models/manifest.json. */
  readonly manifestUrl: string;
  /** Model id in the manifest; its `default` when left out. */
  readonly modelId?: string;
  /**
   * Absolute URL, ending in '/', of the folder with `ort.webgpu.min.mjs` and `ort-wasm-simd-threaded.asyncify.{mjs,wasm}` of
   * onnxruntime-web; never OHIF's own /ort/ (it holds another version).
   */
  readonly ortBaseUrl: string;
  /** Starts a fresh module worker whose entry is `engine.worker.ts`; called again after a crash. */
  readonly createWorker: () => Worker;
  /** Tried in order; default webgpu, wasm. */
  readonly providers?: readonly ('webgpu' | 'wasm')[];
  /** Wasm threads when isolated; default min(8, half the logical cores), at least 1. */
  readonly threads?: number;
  /** Longest time for one slice before it counts as a hang; default 60 s on WebGPU, 180 s on wasm. */
  readonly watchdogSeconds?: Partial<Record<Provider, number>>;
  /**
   * Size of the slices to come, 512 x 512 when left out: WebGPU compiles its shaders for it in `prepare`, not at the first slice.
   */
  readonly warmUp?: { readonly rows: number; readonly columns: number };
  /** Accept a WebGPU adapter that computes on the CPU (SwiftShader), which is slower than wasm; for tests. */
  readonly allowSoftwareAdapter?: boolean;
}

const WATCHDOG_SECONDS: Readonly<Record<Provider, number>> = { webgpu: 60, wasm: 180, cpu: 180 };
const CT_MATRIX = { rows: 512, columns: 512 };
/** Opening includes fetching ONNX Runtime's 27 MB over a slow network. */
const OPEN_SECONDS = 300;

/** The engine in a browser: ONNX Runtime Web in a module worker that is replaced when it breaks. Loads nothing until asked. */
export function createBrowserEngine(options: BrowserEngineOptions): Engine {
  const { manifestUrl, modelId, ortBaseUrl, createWorker, allowSoftwareAdapter = false } = options;
  return new SupervisedEngine({
    providers: options.providers ?? ['webgpu', 'wasm'],
    reference: 'wasm',
    threads: options.threads ?? defaultThreads(),
    warmUp: options.warmUp ?? CT_MATRIX,
    loadCard: signal => fetchCard(manifestUrl, modelId, signal),
    loadFiles: (card, onBytes, signal) => fetchFiles(manifestUrl, card, onBytes, signal),
    open: (request, onStep, signal) =>
      openWorkerBackend({ createWorker, ortBaseUrl, allowSoftwareAdapter }, request, onStep, signal),
    openSeconds: OPEN_SECONDS,
    runSeconds: provider => options.watchdogSeconds?.[provider] ?? WATCHDOG_SECONDS[provider],
  });
}

/** Half the logical cores, because hyperthreads do not help these kernels, and the viewer needs some. */
function defaultThreads(): number {
  return Math.max(1, Math.min(8, Math.floor((navigator.hardwareConcurrency || 1) / 2)));
}
