import { guardSettings } from './guard';
import { readSiteSettings } from './site-settings';

test('takes every documented entry, and none', () => {
  expect(readSiteSettings(undefined)).toEqual({ engine: {}, guards: guardSettings(), error: null });
  const engine = {
    modelId: 'iscl-ct-fast',
    manifestUrl: '/models/manifest.json',
    providers: ['wasm'],
    threads: 4,
    warmUp: { rows: 512, columns: 512 },
    allowSoftwareAdapter: true,
  };
  const settings = readSiteSettings({ ...engine, guards: { mode: 'warn' } });
  expect(settings).toEqual({ engine, guards: guardSettings({ mode: 'warn' }), error: null });
});

test.each<[unknown, string]>([
  ['wasm', 'is not an object'],
  [{ model: 'iscl-ct' }, 'model is no setting'],
  [{ modelId: '' }, 'modelId is not a text'],
  [{ providers: ['wasm', 'cuda'] }, 'providers.1 is neither webgpu nor wasm'],
  [{ providers: [] }, 'providers is empty'],
  [{ threads: '4' }, 'threads is not a count'],
  [{ threads: 0 }, 'threads is not a count'],
  [{ warmUp: { rows: 512 } }, 'warmUp.columns is not { rows, columns }'],
  [{ allowSoftwareAdapter: 1 }, 'allowSoftwareAdapter is neither true nor false'],
  [{ guards: 'warn' }, 'guards is not an object'],
  [{ guards: { mode: 'off' } }, 'guards.mode is neither stop nor warn'],
  [{ guards: { nothing: 1 } }, expect.stringMatching(/^guards: .*nothing/)],
])('refuses %j', (customization, detail) => {
  const { error } = readSiteSettings(customization);
  expect(error?.notice).toEqual({ kind: 'fault', code: 'configuration', detail });
});
