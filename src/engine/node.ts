import type { Engine } from './types';

export interface NodeEngineOptions {
  /** Path of models/manifest.json. */
  readonly manifestPath: string;
  readonly modelId?: string;
  /** Tried in order; default cpu alone, so that a batch gives the same pixels on every machine. */
  readonly providers?: readonly ('cpu' | 'webgpu')[];
  /** Intra-op threads; default all cores. */
  readonly threads?: number;
}

/** The engine in Node: onnxruntime-node in this process, the same checks and self-test as in the browser. */
export declare function createNodeEngine(options: NodeEngineOptions): Engine;
