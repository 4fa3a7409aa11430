import type { Engine, Provider } from './types';

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
  /** One slice longer than this is a hang; default 60 s on WebGPU, 180 s on wasm. */
  readonly watchdogSeconds?: Partial<Record<Provider, number>>;
}

/** The engine in a browser: ONNX Runtime Web in a module worker that is replaced when it breaks. Loads nothing until asked. */
export declare function createBrowserEngine(options: BrowserEngineOptions): Engine;
