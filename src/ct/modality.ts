import { DenoiseError, type Refusal } from '../notices';
import { number, texts } from './attributes';
import type { Modality, NaturalizedInstance, SliceHu, StoredPixels, StoredSlice } from './types';

const FLOAT32_EPSILON = 2 ** -23;

/** The rescale or pixel-format attributes as a Modality, or the first reason why they are none. */
export function readModality(instance: NaturalizedInstance): Modality | Refusal {
  const slope = number(instance, 'RescaleSlope');
  const intercept = number(instance, 'RescaleIntercept');
  if (slope === null || intercept === null) {
    const detail = instance['ModalityLUTSequence'] ? 'Modality LUT Sequence instead of a linear rescale' : '';
    return { kind: 'refusal', code: 'not-hu', reason: 'no-rescale', detail };
  }
  if (!Number.isFinite(slope) || slope === 0) return invalid(instance, 'RescaleSlope');
  if (!Number.isFinite(intercept)) return invalid(instance, 'RescaleIntercept');
  const bitsAllocated = number(instance, 'BitsAllocated');
  const bitsStored = number(instance, 'BitsStored');
  const representation = number(instance, 'PixelRepresentation');
  if (bitsAllocated === null) return missing('BitsAllocated');
  if (bitsStored === null) return missing('BitsStored');
  if (representation === null) return missing('PixelRepresentation');
  // The CT image module knows 16 only (PS3.3 C.8.2.1); 8 comes from JPEG Baseline. float32 could not hold 32-bit values exactly.
  if (bitsAllocated !== 8 && bitsAllocated !== 16) return invalid(instance, 'BitsAllocated');
  if (!Number.isInteger(bitsStored) || bitsStored < 2 || bitsStored > bitsAllocated)
    return invalid(instance, 'BitsStored');
  // PS3.5 8.1.1 has allowed no other High Bit since 2011; words shifted in another way would be read wrongly by most decoders.
  const highBit = number(instance, 'HighBit');
  if (highBit !== null && highBit !== bitsStored - 1) return invalid(instance, 'HighBit');
  if (representation !== 0 && representation !== 1) return invalid(instance, 'PixelRepresentation');
  const signed = representation === 1;
  const minStored = signed ? -(2 ** (bitsStored - 1)) : 0;
  const maxStored = signed ? 2 ** (bitsStored - 1) - 1 : 2 ** bitsStored - 1;
  // Neighbouring stored values must stay apart in float32, or HU could not be turned back into what was stored.
  const largest = Math.max(Math.abs(slope * minStored + intercept), Math.abs(slope * maxStored + intercept));
  if (Math.abs(slope) < 4 * FLOAT32_EPSILON * largest) return invalid(instance, 'RescaleSlope');
  const padding = readPadding(instance, signed);
  return { slope, intercept, bitsAllocated, bitsStored, signed, minStored, maxStored, padding };
}

/**
 * Pixel Padding Value is US or SS after Pixel Representation, but a server or parser that does not know which gives the other: 63536 for
 * -2000. Folded into the range of the pixel words. A Range Limit without a Value means nothing (PS3.3 C.7.5.1.1.2).
 */
function readPadding(instance: NaturalizedInstance, signed: boolean): Modality['padding'] {
  const value = number(instance, 'PixelPaddingValue');
  if (value === null || !Number.isFinite(value)) return null;
  const limit = number(instance, 'PixelPaddingRangeLimit');
  const fold = (word: number) =>
    signed && word >= 0x8000 ? word - 0x10000 : !signed && word < 0 ? word + 0x10000 : word;
  const one = fold(value);
  const other = limit === null || !Number.isFinite(limit) ? one : fold(limit);
  return { low: Math.min(one, other), high: Math.max(one, other) };
}

/**
 * The Modality LUT and pixel format of one instance.
 * @throws DenoiseError with a `missing-attribute`, `invalid-attribute` or `not-hu` refusal.
 */
export function modalityOf(instance: NaturalizedInstance): Modality {
  const modality = readModality(instance);
  if ('kind' in modality) throw new DenoiseError(modality);
  return modality;
}

/**
 * Pixel words as the values they stand for: without the bits above Bits Stored, which may hold overlays (retired) or rubbish and which a
 * viewer's decoder may have taken away already; signed words are sign-extended. A whole word that is padding stays, for Bits Stored may
 * not hold the padding value.
 * @returns `words` itself where nothing stands above Bits Stored
 */
function valuesOf(words: StoredPixels, modality: Modality): StoredPixels {
  const { minStored, maxStored } = modality;
  let values = words;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if ((word <= maxStored && word >= minStored) || isPadding(word, modality)) continue;
    if (values === words) values = words.slice();
    values[i] = usedBits(word, modality);
  }
  return values;
}

/**
 * Decoded pixel words to HU.
 * @param stored rows x columns words, native order of this machine
 * @throws DenoiseError (`invalid-attribute` PixelData) when the length is not rows x columns.
 */
export function sliceFromStored(stored: StoredPixels, instance: NaturalizedInstance): SliceHu {
  const { values, modality, ...slice } = storedSlice(stored, instance);
  const { slope, intercept } = modality;
  const hu = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) hu[i] = slope * values[i]! + intercept;
  return { ...slice, modality, hu };
}

/** `sliceFromStored` in stored values instead of HU. @throws DenoiseError as there */
export function storedSlice(stored: StoredPixels, instance: NaturalizedInstance): StoredSlice {
  const matrix = matrixOf(instance, stored.length);
  const modality = modalityOf(instance);
  const values = valuesOf(asWords(stored, modality.signed), modality);
  return { ...matrix, modality, values, padding: paddingMask(values, modality) };
}

/**
 * The same for pixels to which a viewer has already applied slope and intercept (Cornerstone's `preScale`), bits above Bits Stored
 * included. Keeps a Float32Array that needs no change, and never writes into `hu`.
 * @throws DenoiseError as `sliceFromStored` does
 */
export function sliceFromHu(hu: ArrayLike<number>, instance: NaturalizedInstance): SliceHu {
  const { rows, columns } = matrixOf(instance, hu.length);
  const modality = modalityOf(instance);
  const { slope, intercept, minStored, maxStored } = modality;
  const wordOf = (value: number) => Math.round((value - intercept) / slope);
  let kept = hu instanceof Float32Array ? hu : Float32Array.from(hu);
  const ends = [slope * minStored + intercept, slope * maxStored + intercept];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  for (let i = 0; i < kept.length; i++) {
    const value = kept[i]!;
    if (value >= low && value <= high) continue;
    const word = wordOf(value);
    // An end of the range may have been rounded past it.
    if ((word >= minStored && word <= maxStored) || isPadding(word, modality)) continue;
    if (kept === hu) kept = kept.slice();
    kept[i] = slope * usedBits(word, modality) + intercept;
  }
  const padding = modality.padding ? paddingMask(Int32Array.from(kept, wordOf), modality) : null;
  return { rows, columns, hu: kept, padding, modality };
}

/** A pixel word without what stands above Bits Stored. */
function usedBits(word: number, { bitsStored, signed }: Modality): number {
  const unused = 32 - bitsStored;
  return signed ? (word << unused) >> unused : (word << unused) >>> unused;
}

const isPadding = (value: number, { padding }: Modality): boolean =>
  padding !== null && value >= padding.low && value <= padding.high;

function paddingMask(values: StoredPixels, modality: Modality): Uint8Array | null {
  if (!modality.padding) return null;
  let mask: Uint8Array | null = null;
  for (let i = 0; i < values.length; i++) {
    if (isPadding(values[i]!, modality)) (mask ??= new Uint8Array(values.length))[i] = 1;
  }
  return mask;
}

/** The words as Pixel Representation says; some decoders give an unsigned array for signed words, or the reverse. */
function asWords(stored: StoredPixels, signed: boolean): StoredPixels {
  const { buffer, byteOffset, length } = stored;
  if (signed && stored instanceof Uint16Array) return new Int16Array(buffer, byteOffset, length);
  if (signed && stored instanceof Uint8Array) return new Int8Array(buffer, byteOffset, length);
  if (!signed && stored instanceof Int16Array) return new Uint16Array(buffer, byteOffset, length);
  if (!signed && stored instanceof Int8Array) return new Uint8Array(buffer, byteOffset, length);
  return stored;
}

/**
 * HU to the stored value that represents it best: round to the nearest, clamp to Bits Stored, and never the padding value (moved off
 * it by the smallest step). Exact inverse of `storedToHu` on every value that is not padding.
 */
export function huToStored(hu: number, modality: Modality): number {
  const { minStored, maxStored, padding } = modality;
  const exact = (hu - modality.intercept) / modality.slope;
  const rounded = Math.min(maxStored, Math.max(minStored, Math.round(exact)));
  if (!padding || rounded < padding.low || rounded > padding.high) return rounded;
  const below = padding.low - 1;
  const above = padding.high + 1;
  // A padding range that covers all stored values leaves no other value to take.
  if (below < minStored) return above > maxStored ? rounded : above;
  if (above > maxStored) return below;
  return exact - below < above - exact ? below : above;
}

/** slope * stored + intercept, in float32 as everywhere in this project. */
export function storedToHu(stored: number, modality: Modality): number {
  return Math.fround(modality.slope * stored + modality.intercept);
}

/**
 * A slice of HU to pixel words in the source's format. Where `padding` is 1 the source's own value is copied.
 * @param source the source's values, as `storedSlice` gives them; needed only when `padding` is not null
 * @returns Int16Array or Uint16Array; Int8Array or Uint8Array where Bits Allocated is 8
 */
export function sliceToStored(
  hu: Float32Array,
  modality: Modality,
  padding: Uint8Array | null,
  source: StoredPixels | null,
): StoredPixels {
  if (padding && (!source || source.length !== hu.length || padding.length !== hu.length)) {
    throw new RangeError('padding can only be restored from source words of the same length');
  }
  const stored = new (arrayType(modality))(hu.length);
  for (let i = 0; i < hu.length; i++) {
    stored[i] = padding?.[i] === 1 ? source![i]! : huToStored(hu[i]!, modality);
  }
  return stored;
}

function arrayType({ bitsAllocated, signed }: Modality) {
  if (bitsAllocated === 8) return signed ? Int8Array : Uint8Array;
  return signed ? Int16Array : Uint16Array;
}

function matrixOf(instance: NaturalizedInstance, length: number): { rows: number; columns: number } {
  const rows = number(instance, 'Rows');
  const columns = number(instance, 'Columns');
  if (!rows) throw new DenoiseError(missing('Rows'));
  if (!columns) throw new DenoiseError(missing('Columns'));
  if (rows * columns !== length) {
    const value = `${length} pixels for ${rows} x ${columns}`;
    throw new DenoiseError({ kind: 'refusal', code: 'invalid-attribute', keyword: 'PixelData', value });
  }
  return { rows, columns };
}

export function missing(keyword: string): Refusal {
  return { kind: 'refusal', code: 'missing-attribute', keyword };
}

export function invalid(instance: NaturalizedInstance, keyword: string): Refusal {
  return { kind: 'refusal', code: 'invalid-attribute', keyword, value: texts(instance, keyword).join('\\') };
}
