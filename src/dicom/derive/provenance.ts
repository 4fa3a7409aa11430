import { PRODUCT } from '../../ct';
import type { Warning } from '../../notices';

/** With what the slice was made: enough to make it again, and to tell two results apart. */
export interface Provenance {
  readonly model: {
    readonly name: string;
    readonly version: string;
    /** SHA-256 of the model file, hex. */
    readonly sha256: string;
    /**
     * Of a model that reads neighbouring slices: how many go in, how many come out, and `slicesDigest` of the series' slices. A slice that arrives
     * late moves the slabs around it; the digest makes what is derived then another series, instead of mixing old and new instances in one.
     */
    readonly slab?: { readonly inputs: number; readonly outputs: number; readonly slices: string };
  };
  /** 0 to 1. */
  readonly strength: number;
  /** Execution provider that computed the slice, such as `wasm`, `webgpu`, `cpu`. */
  readonly provider: string;
  /** Number format of the computation, such as `fp32`. */
  readonly precision: string;
  /** Version of this product. */
  readonly codeVersion: string;
  /** Other settings that change the result. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** The verdict's warnings; they are written into the derivation. */
  readonly warnings?: readonly Warning[];
  /** Sentences of ASCII about what was measured; they are written into the derivation and are no part of a UID. */
  readonly measured?: readonly string[];
}

/** Everything that changes pixels, in one order whatever the order of keys; part of every UID. */
export function settingsKey(provenance: Provenance): (string | number)[] {
  const { model, strength, parameters = {}, provider, precision, codeVersion } = provenance;
  if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength ${strength} is not within 0 to 1`);
  const others = Object.keys(parameters)
    .sort()
    .map(key => `${key}=${parameters[key]}`);
  const slices = model.slab ? ['slices', model.slab.slices] : [];
  return [model.sha256.toLowerCase(), strength, ...others, provider, precision, codeVersion, ...slices];
}

/**
 * Derivation Description (0008,2111), ASCII, without what the source's own derivation says.
 * @param limit characters; what was measured is left out where there is no room for it
 */
export function derivationDescription(provenance: Provenance, limit: number): string {
  const { model, strength, provider, precision, codeVersion } = provenance;
  const { parameters = {}, warnings = [], measured = [] } = provenance;
  const settings = Object.entries(parameters).map(([key, value]) => `${key} ${value}`);
  const how = [
    `model ${model.name} ${model.version}`,
    `SHA-256 ${model.sha256}`,
    ...(model.slab ? [`reads ${model.slab.inputs} neighbouring slices`] : []),
    `strength ${percent(strength)}`,
    ...settings,
    `computed on ${provider} in ${precision}`,
    `${PRODUCT.modelName} ${codeVersion}`,
  ];
  const warned = warnings.length > 0 ? ` Input warnings: ${warnings.map(warningText).join('; ')}.` : '';
  let text = toAscii(`Neural network noise reduction: ${how.join(', ')}. Not for diagnostic use.${warned}`);
  // Whole sentences only: half of one may say the opposite.
  for (const sentence of measured)
    if (text.length + 1 + sentence.length <= limit) text += ` ${toAscii(sentence)}`;
  return text;
}

/** `code (value)`: the codes of src/notices, so that a program can find them again. */
function warningText(warning: Warning): string {
  const values = Object.entries(warning)
    .filter(([key]) => key !== 'kind' && key !== 'code')
    .map(([, value]) => String(value));
  return values.length > 0 ? `${warning.code} (${values.join(', ')})` : warning.code;
}

export function percent(strength: number): string {
  return `${Number((strength * 100).toFixed(1))} %`;
}

/** Other characters would need the source's character set; a question mark is honest in all of them. */
export function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, '?').replaceAll('\\', '/');
}
