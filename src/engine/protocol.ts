import type { Fault } from '../notices';
import type { SlabMessage } from './planes';
import type { OpenRequest, OpenStep, TensorResult } from './session';
import type { EngineInfo } from './types';

/** Handle to worker. Buffers are transferred. */
export type WorkerRequest =
  | {
      readonly kind: 'open';
      readonly request: OpenRequest;
      readonly ortBaseUrl: string;
      /** Use a WebGPU adapter that computes on the CPU (SwiftShader); slower than wasm, for tests. */
      readonly allowSoftwareAdapter: boolean;
    }
  | { readonly kind: 'run'; readonly slab: SlabMessage };

/** What is known once a backend is open; the handle adds the rest of EngineInfo. */
export type Opened = Pick<EngineInfo, 'adapter' | 'threads' | 'crossOriginIsolated' | 'runtime' | 'selfTest'>;

/** Worker to handle. Answers come in the order of the requests, so they need no number; what comes after `lost` is ignored. */
export type WorkerResponse =
  | { readonly kind: 'step'; readonly step: OpenStep }
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'result'; readonly result: TensorResult }
  /** The provider cannot be used here, for a reason that is no fault. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** The GPU device is gone; the next run would hang. */
  | { readonly kind: 'lost'; readonly detail: string };
