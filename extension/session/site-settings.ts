import * as v from 'valibot';
import { DenoiseError } from '../../src/notices';
import { guardSettings, type GuardSettings } from './guard';

/** How a hospital may steer the plugin, as OHIF customization in app-config.js (docs/extension.md). */
export const SITE_CUSTOMIZATION = 'iscl.denoise';

const count = v.pipe(
  v.number('is not a count'),
  v.integer('is not a count'),
  v.minValue(1, 'is not a count'),
);
const text = v.pipe(v.string('is not a text'), v.nonEmpty('is not a text'));

const ENGINE = {
  modelId: v.exactOptional(text),
  /** URL of another models/manifest.json, relative to the page. */
  manifestUrl: v.exactOptional(text),
  providers: v.exactOptional(
    v.pipe(
      v.array(v.picklist(['webgpu', 'wasm'], 'is neither webgpu nor wasm'), 'is not a list'),
      v.nonEmpty('is empty'),
    ),
  ),
  threads: v.exactOptional(count),
  warmUp: v.exactOptional(v.strictObject({ rows: count, columns: count }, 'is not { rows, columns }')),
  allowSoftwareAdapter: v.exactOptional(v.boolean('is neither true nor false')),
};
const GUARDS = v.looseObject(
  { mode: v.exactOptional(v.picklist(['stop', 'warn'], 'is neither stop nor warn')) },
  'is not an object',
);
const SETTINGS = v.strictObject({ ...ENGINE, guards: v.exactOptional(GUARDS) }, ({ expected }) =>
  expected === 'never' ? 'is no setting' : 'is not an object',
);

/** Every entry has a default; BrowserEngineOptions says what they mean. */
export type EngineChoice = Omit<v.InferOutput<typeof SETTINGS>, 'guards'>;

export interface SiteSettings {
  readonly engine: EngineChoice;
  readonly guards: GuardSettings;
  /** `configuration`: an entry is wrong and nothing must be denoised with other settings than the site chose. The settings are the defaults. */
  readonly error: DenoiseError | null;
}

export function readSiteSettings(customization: unknown): SiteSettings {
  const checked = v.safeParse(SETTINGS, customization ?? {}, { abortEarly: true });
  if (!checked.success) {
    const [issue] = checked.issues;
    return refused([v.getDotPath(issue), issue.message].filter(Boolean).join(' '));
  }
  const { guards, ...engine } = checked.output;
  try {
    return { engine, guards: guardSettings(guards), error: null };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refused(`guards: ${error.message}`);
  }
}

const refused = (detail: string): SiteSettings => ({
  engine: {},
  guards: guardSettings(),
  error: new DenoiseError({ kind: 'fault', code: 'configuration', detail }),
});
