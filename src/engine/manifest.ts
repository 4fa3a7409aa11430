import * as v from 'valibot';
import { DenoiseError } from '../notices';
import { MANIFEST } from './manifest-schema';
import type { ModelCard, ModelManifest } from './types';

/**
 * models/manifest.json checked: a wrong range or a missing hash must not reach the network.
 * @param where URL or path, for the message
 * @throws DenoiseError `model-manifest`, its detail naming what is wrong
 */
export function parseManifest(json: unknown, where: string): ModelManifest {
  const checked = v.safeParse(MANIFEST, json, { abortEarly: true });
  if (checked.success) return checked.output;
  const detail = detailOf(checked.issues[0]);
  throw new DenoiseError({ kind: 'fault', code: 'model-manifest', url: where, detail });
}

/** `model "ct": input.rangeHU is not a range`. */
function detailOf({ path, message }: v.InferIssue<typeof MANIFEST>): string {
  const [list, model, ...within] = path ?? [];
  if (list?.key !== 'models' || !model) return [list?.key ?? '', message].join(' ').trim();
  const { id } = Object(model.value) as { id?: unknown };
  const name = typeof id === 'string' && id ? `model "${id}"` : `model ${Number(model.key) + 1} of the list`;
  return `${name}: ${[within.map(({ key }) => key).join('.'), message].join(' ').trim()}`;
}

/** The card of a model from the manifest's bytes. @throws DenoiseError `model-manifest` */
export function readCard(bytes: Uint8Array, modelId: string | undefined, where: string): ModelCard {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DenoiseError(
      { kind: 'fault', code: 'model-manifest', url: where, detail: 'not JSON' },
      { cause },
    );
  }
  return selectModel(parseManifest(json, where), modelId, where);
}

/** The card of a model, the manifest's default when no id is given. @throws DenoiseError `model-manifest` */
export function selectModel(manifest: ModelManifest, id: string | undefined, where: string): ModelCard {
  const wanted = id ?? manifest.default;
  const card = manifest.models.find(model => model.id === wanted);
  if (!card)
    throw new DenoiseError({
      kind: 'fault',
      code: 'model-manifest',
      url: where,
      detail: `no model "${wanted}"`,
    });
  return card;
}

/** Slices in and out of one run of the model. */
export function slabSize({ slab }: ModelCard): { readonly inputs: number; readonly outputs: number } {
  return slab ?? { inputs: 1, outputs: 1 };
}

/** Bytes of a manifest. */
export const LARGEST_MANIFEST = 2 ** 20;
