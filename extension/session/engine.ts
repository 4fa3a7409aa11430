import { createBrowserEngine, type BrowserEngineOptions, type Engine } from '../../src/engine';
import type { GuardChoice } from './guard';

/**
 * Folder the plugin was loaded from, absolute. webpack sets it from the module's own URL at run time, so a hospital may put the
 * folder anywhere.
 */
declare const __webpack_public_path__: string;

/**
 * How a hospital may steer the engine, as OHIF customization `iscl.denoise` in app-config.js. Everything has a default; see
 * BrowserEngineOptions.
 */
export interface EngineChoice extends Partial<
  Pick<BrowserEngineOptions, 'modelId' | 'providers' | 'threads' | 'warmUp' | 'allowSoftwareAdapter'>
> {
  /** URL of another models/manifest.json, relative to the page. */
  readonly manifestUrl?: string;
  readonly guards?: GuardChoice;
}

export const ENGINE_CUSTOMIZATION = 'iscl.denoise';

export function pluginUrl(file: string): string {
  return new URL(file, new URL(__webpack_public_path__, window.location.href)).href;
}

export function createEngine(choice: EngineChoice = {}): Engine {
  const { manifestUrl, ...options } = choice;
  return createBrowserEngine({
    manifestUrl: manifestUrl
      ? new URL(manifestUrl, window.location.href).href
      : pluginUrl('models/manifest.json'),
    ortBaseUrl: pluginUrl('ort/'),
    createWorker: () =>
      new Worker(new URL('../../src/engine/engine.worker.ts', import.meta.url), { type: 'module' }),
    ...options,
  });
}
