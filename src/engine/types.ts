import type { ModelDomain, ModelSlab } from '../ct';
import type { Fault } from '../notices';

export type Provider = 'webgpu' | 'wasm' | 'cpu';

/** One entry of models/manifest.json. Files are relative to the manifest. */
export interface ModelCard {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** ONNX input: HU, float32 [1, n, H, W], H and W multiples of `multiple`; values are clamped to `rangeHU` before the network. */
  readonly input: {
    readonly name: string;
    readonly rangeHU: readonly [number, number];
    readonly multiple: number;
  };
  /** ONNX output: HU, float32 [1, m, H, W]. */
  readonly output: { readonly name: string };
  /** n and m; absent for a model of single slices, 1 and 1. */
  readonly slab?: ModelSlab;
  readonly precision: string;
  /** Other files of the same network. */
  readonly variants?: readonly ModelVariant[];
  /** GFLOP for one 512x512 slice; of a slab model, the slab's by m. */
  readonly gflop512?: number;
  /** Raw little-endian float32 input (n slices) and expected output (m slices), each rows x columns, in HU. */
  readonly golden: {
    readonly rows: number;
    readonly columns: number;
    readonly input: string;
    readonly output: string;
    readonly toleranceHU: number;
    /** A second pair at the size of a real slice, for faults that depend on the size; a site's own model may lack one. */
    readonly full?: {
      readonly rows: number;
      readonly columns: number;
      /** Of the computed input (golden-full.ts). */
      readonly seed: number;
      /** Raw little-endian float32: one output value a block of 8x8 pixels and slice, in HU. */
      readonly samples: string;
    };
  };
  readonly domain: ModelDomain;
  readonly method?: unknown;
  readonly metrics?: unknown;
  readonly training?: unknown;
  readonly licence?: unknown;
}

/** With a `provider`, a graph made for that one, which reads the weights of the card's `file` as ONNX external data. */
export interface ModelVariant {
  readonly precision: string;
  readonly provider?: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface ModelManifest {
  readonly schema: 1;
  readonly default: string;
  readonly models: readonly ModelCard[];
}

/** A provider that was tried, or not even tried, and why it is not the one in use. */
export interface ProviderRejection {
  readonly provider: Provider;
  /** One plain sentence, e.g. "This browser has no WebGPU." */
  readonly reason: string;
  /** Set when it was tried and broke. */
  readonly fault: Fault | null;
}

/** What is loaded and what computes: goes into the panel, the log and the derivation. */
export interface EngineInfo {
  readonly model: ModelCard;
  readonly provider: Provider;
  /** WebGPU adapter in words ("nvidia ampere"); null for wasm and cpu. */
  readonly adapter: string | null;
  /** CPU threads the runtime may use; 1 on WebGPU. */
  readonly threads: number;
  readonly precision: string;
  /** False means no SharedArrayBuffer, so one wasm thread (COOP/COEP headers are missing). Always true in Node. */
  readonly crossOriginIsolated: boolean;
  /** e.g. "onnxruntime-web 1.30.0". */
  readonly runtime: string;
  readonly rejected: readonly ProviderRejection[];
  readonly selfTest: {
    /** Largest absolute difference from the stored golden output, HU. */
    readonly maxErrorHu: number;
    /** Largest absolute difference between WebGPU and wasm on the golden input, HU; null when the provider is not WebGPU. */
    readonly againstWasmHu: number | null;
    /** Largest absolute difference from the stored samples of a full-size output, HU; null when the model has none. */
    readonly fullSizeErrorHu: number | null;
    readonly toleranceHu: number;
  };
  /** True when the model came from the cache. */
  readonly fromCache: boolean;
}

export type PrepareProgress =
  | { readonly step: 'manifest' }
  | { readonly step: 'download'; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly step: 'load'; readonly provider: Provider }
  | { readonly step: 'self-test'; readonly provider: Provider }
  | { readonly step: 'warm-up'; readonly provider: Provider };

/**
 * One slice. Only read, and read again when a slice is retried: it must not change. The same object is the same pixels, so the engine may keep
 * what it made of them for the next slab.
 */
export interface EngineInput {
  readonly hu: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Padded pixels are shown to the network as air and are meaningless in the result. */
  readonly padding?: Uint8Array | null;
}

export interface EngineOutput {
  /** Full-strength result, rows x columns, HU, finite, in a buffer of its own. */
  readonly hu: Float32Array;
  /** Wall time of the inference alone. */
  readonly ms: number;
  readonly provider: Provider;
}

export interface EngineSlabOutput extends Omit<EngineOutput, 'hu'> {
  /** m full-strength results in the order of the slices, each rows x columns, HU, finite; they may share a buffer. */
  readonly slices: readonly Float32Array[];
}

export type EngineEvent =
  /** Something broke and is being repaired: the same provider again, or the next one. */
  | { readonly kind: 'restarting'; readonly fault: Fault; readonly next: Provider }
  /** A (new) provider is ready; `info` replaces the old one. */
  | { readonly kind: 'ready'; readonly info: EngineInfo };

/**
 * Runs one model. One inference at a time; calls queue in order.
 * Every rejection is a DenoiseError, except an aborted signal's reason.
 */
export interface Engine {
  /** The model card alone, from the manifest; cheap, loads no model. @throws model-manifest, model-download */
  card(signal?: AbortSignal): Promise<ModelCard>;
  /** Null until prepared. */
  readonly info: EngineInfo | null;
  /**
   * Download, hash, load, self-test, warm up. Idempotent: a second call answers at once with the same info.
   * @throws model-download, model-hash, model-manifest, no-provider, self-test
   */
  prepare(onProgress?: (progress: PrepareProgress) => void, signal?: AbortSignal): Promise<EngineInfo>;
  /**
   * Denoise one slice of any size by itself: a slab model is shown the slice in the place of its neighbours too. As `denoiseSlab` otherwise.
   */
  denoise(input: EngineInput, signal?: AbortSignal): Promise<EngineOutput>;
  /**
   * Denoise a slab (padded to the model's multiple by reflection and cropped again). Prepares first when needed.
   * @param inputs n slices of one size, in order along the normal; one that stands for a missing neighbour comes more than once
   * @throws inference, engine-hang, device-lost, bad-output: after one retry on the same provider and one on the next; bad-input at once;
   * RangeError for another number of slices, or slices of several sizes
   */
  denoiseSlab(inputs: readonly EngineInput[], signal?: AbortSignal): Promise<EngineSlabOutput>;
  /**
   * Says what `denoiseSlab` will be asked for next, while it is at another slab: the worker then goes from one to the other without waiting for this side. A
   * hint alone: whatever is asked for next is right, and what was computed for nothing is dropped.
   * @param inputs the same objects as of the call to come
   */
  ahead(inputs: readonly EngineInput[]): void;
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** Ends the worker, frees the device; later calls reject. */
  dispose(): Promise<void>;
}
