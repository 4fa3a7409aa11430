import { createBrowserEngine, type Engine } from '../../src/engine';

/**
 * Folder the plugin was loaded from, absolute. webpack sets it from the module's own URL at run time, so a hospital may put the
 * folder anywhere.
 */
declare const __webpack_public_path__: string;

/**
 * How a hospital may steer the engine, as OHIF customization `iscl.denoise` in app-config.js. Everything has a default.
 */
export interface EngineChoice {
  /** Model id in models/manifest.json. */
  readonly modelId?: string;
  /** Tried in order; default webgpu, then wasm. */
  readonly providers?: readonly ('webgpu' | 'wasm')[];
  /** Wasm threads. */
  readonly threads?: number;
  /** Accept a WebGPU adapter that computes on the CPU (SwiftShader), slower than wasm; for tests. */
  readonly allowSoftwareAdapter?: boolean;
  /** URL of another models/manifest.json, relative to the page. */
  readonly manifestUrl?: string;
}

export const ENGINE_CUSTOMIZATION = 'iscl.denoise';

export function pluginUrl(file: string): string {
  return new URL(file, new URL(__webpack_public_path__, window.location.href)).href;
}

export function createEngine(choice: EngineChoice = {}): Engine {
  const { manifestUrl, modelId, providers, threads, allowSoftwareAdapter } = choice;
  return createBrowserEngine({
    manifestUrl: manifestUrl
      ? new URL(manifestUrl, window.location.href).href
      : pluginUrl('models/manifest.json'),
    ortBaseUrl: pluginUrl('ort/'),
    createWorker: () =>
      new Worker(new URL('../../src/engine/engine.worker.ts', import.meta.url), { type: 'module' }),
    ...(modelId ? { modelId } : {}),
    ...(providers ? { providers } : {}),
    ...(threads ? { threads } : {}),
    ...(allowSoftwareAdapter ? { allowSoftwareAdapter } : {}),
  });
}
