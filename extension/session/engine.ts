import { createBrowserEngine, type Engine } from '../../src/engine';
import type { SiteSettings } from './site-settings';

/**
 * Folder the plugin was loaded from, absolute. webpack sets it from the module's own URL at run time, so a hospital may put the
 * folder anywhere.
 */
declare const __webpack_public_path__: string;

export function pluginUrl(file: string): string {
  return new URL(file, new URL(__webpack_public_path__, window.location.href)).href;
}

/** Where the site's settings are wrong, the engine refuses every call with the reason. */
export function createEngine({ engine, error }: SiteSettings): Engine {
  if (error) return refusingEngine(error);
  const { manifestUrl, ...options } = engine;
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

function refusingEngine(error: Error): Engine {
  const refuse = () => Promise.reject(error);
  return {
    info: null,
    card: refuse,
    prepare: refuse,
    denoise: refuse,
    denoiseSlab: refuse,
    ahead: () => undefined,
    subscribe: () => () => undefined,
    dispose: async () => undefined,
  };
}
