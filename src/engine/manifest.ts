import { DenoiseError } from '../notices';
import { SAMPLE_BLOCK } from './golden-full';
import type { ModelCard, ModelManifest } from './types';

/**
 * models/manifest.json checked: a wrong range or a missing hash must not reach the network.
 * @param where URL or path, for the message
 * @throws DenoiseError `model-manifest`, its detail naming what is wrong
 */
export function parseManifest(json: unknown, where: string): ModelManifest {
  const fail = (detail: string): never => {
    throw new DenoiseError({ kind: 'fault', code: 'model-manifest', url: where, detail });
  };
  if (!isRecord(json)) return fail('not an object');
  if (json['schema'] !== 1) fail(`schema ${String(json['schema'])} is not 1`);
  const models = json['models'];
  if (!Array.isArray(models) || models.length === 0) return fail('no models');
  for (const model of models) {
    const wrong = wrongIn(model);
    if (wrong) fail(wrong);
  }
  const manifest = json as unknown as ModelManifest;
  if (!manifest.models.some(model => model.id === manifest.default))
    fail(`default "${manifest.default}" is not a model`);
  return manifest;
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

/** What is wrong with one entry, or null. Only what the code relies on; the rest of a card is for people. */
function wrongIn(model: unknown): string | null {
  if (!isRecord(model)) return 'a model is not an object';
  const name = `model "${String(model['id'])}"`;
  for (const key of ['id', 'version', 'name', 'file', 'precision']) {
    if (typeof model[key] !== 'string' || model[key] === '') return `${name}: ${key} is not a text`;
  }
  const { variants = [] } = model;
  if (!Array.isArray(variants)) return `${name}: variants is not a list`;
  for (const file of [model, ...(variants as unknown[])]) {
    if (!isRecord(file) || typeof file['file'] !== 'string') return `${name}: a variant names no file`;
    if (!/^[0-9a-f]{64}$/.test(String(file['sha256']))) return `${name}: sha256 is not 64 hex digits`;
    if (!isCount(file['bytes']) || file['bytes'] > LARGEST_MODEL)
      return `${name}: bytes is not a count up to ${LARGEST_MODEL}`;
    if (!isPlainName(file['file']))
      return `${name}: "${file['file']}" is not the name of a file beside the manifest`;
  }
  const { input, output, golden, domain } = model;
  if (!isRecord(input) || typeof input['name'] !== 'string') return `${name}: input.name is missing`;
  if (!isRange(input['rangeHU'])) return `${name}: input.rangeHU is not a range`;
  if (!isCount(input['multiple'])) return `${name}: input.multiple is not a count`;
  if (!isRecord(output) || typeof output['name'] !== 'string') return `${name}: output.name is missing`;
  const slabWrong = wrongInSlab(model['slab']);
  if (slabWrong) return `${name}: slab${slabWrong}`;
  if (!isRecord(golden) || !isCount(golden['rows']) || !isCount(golden['columns']))
    return `${name}: golden has no size`;
  if (golden['rows'] > LARGEST_GOLDEN || golden['columns'] > LARGEST_GOLDEN)
    return `${name}: golden is larger than ${LARGEST_GOLDEN} x ${LARGEST_GOLDEN}`;
  if (!isPlainName(golden['input']) || !isPlainName(golden['output']))
    return `${name}: golden names no files beside the manifest`;
  if (!(typeof golden['toleranceHU'] === 'number' && golden['toleranceHU'] > 0))
    return `${name}: golden.toleranceHU is not positive`;
  const fullWrong = wrongInFullPair(golden['full'], input['multiple']);
  if (fullWrong) return `${name}: golden.full${fullWrong}`;
  if (!isRecord(domain)) return `${name}: domain is missing`;
  for (const key of ['kernels', 'bodyParts'])
    if (!isTexts(domain[key])) return `${name}: domain.${key} is not a list of texts`;
  for (const key of ['sliceThicknessMm', 'doseFraction', 'ageYears', 'kVp']) {
    if (!isRange(domain[key])) return `${name}: domain.${key} is not a range`;
  }
  return null;
}

function wrongInFullPair(full: unknown, multiple: number): string | null {
  if (full === undefined) return null;
  if (!isRecord(full)) return ' is not an object';
  const { rows, columns, seed, samples } = full;
  if (!isCount(rows) || !isCount(columns) || rows > LARGEST_GOLDEN || columns > LARGEST_GOLDEN)
    return ` has no size up to ${LARGEST_GOLDEN} x ${LARGEST_GOLDEN}`;
  if (rows < SAMPLE_BLOCK || columns < SAMPLE_BLOCK)
    return ` is smaller than ${SAMPLE_BLOCK} x ${SAMPLE_BLOCK}`;
  if (rows % multiple !== 0 || columns % multiple !== 0)
    return ' is not of a size that input.multiple allows';
  if (!isCount(seed) || seed >= 2 ** 32) return '.seed is not a count of 32 bits';
  return isPlainName(samples) ? null : '.samples is not the name of a file beside the manifest';
}

function wrongInSlab(slab: unknown): string | null {
  if (slab === undefined) return null;
  if (!isRecord(slab)) return ' is not an object';
  const { inputs, outputs, spacingMm, beyondSpacing } = slab;
  if (
    !isCount(inputs) ||
    !isCount(outputs) ||
    inputs > MOST_SLICES ||
    inputs % 2 === 0 ||
    outputs % 2 === 0 ||
    outputs > inputs
  )
    return `: ${String(inputs)} slices in and ${String(outputs)} out are not odd, or more out than in`;
  if (!isRange(spacingMm) || !(spacingMm[0] > 0)) return '.spacingMm is not a range of distances';
  if (!['refuse', 'warn', 'repeat'].includes(String(beyondSpacing)))
    return '.beyondSpacing is not refuse, warn or repeat';
  return null;
}

/** A manifest may come from anywhere: sizes that no network for CT reaches are refused before anything is read. */
const LARGEST_MODEL = 512 * 2 ** 20;
const LARGEST_GOLDEN = 2048;
const MOST_SLICES = 63;
/** Bytes of a manifest. */
export const LARGEST_MANIFEST = 2 ** 20;

/** Of a file in the manifest's own folder: no path, no address. */
const isPlainName = (value: unknown): value is string =>
  typeof value === 'string' && /^[^./\\:?#%][^/\\:?#%]{0,200}$/.test(value);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(item => typeof item === 'string');
const isRange = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every(Number.isFinite) && value[0] <= value[1];
