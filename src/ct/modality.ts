import { DenoiseError, type Refusal } from '../notices';
import { number, texts } from './attributes';
import { findPadding } from './padding';
import type { Modality, PixelFormat, SliceHu, StoredPixels, StoredSlice } from './types';

const FLOAT32_EPSILON = 2 ** -23;

/** The rescale or pixel-format attributes as a Modality, or the first reason why they are none. */
export function readModality(format: PixelFormat): Modality | Refusal {
  const slope = number(format, 'RescaleSlope');
  const intercept = number(format, 'RescaleIntercept');
  if (slope === null || intercept === null) {
    const detail = format['ModalityLUTSequence'] ? 'Modality LUT Sequence instead of a linear rescale' : '';
    return { kind: 'refusal', code: 'not-hu', reason: 'no-rescale', detail };
  }
  if (!Number.isFinite(slope) || slope === 0) return invalid(format, 'RescaleSlope');
  if (!Number.isFinite(intercept)) return invalid(format, 'RescaleIntercept');
  const bitsAllocated = number(format, 'BitsAllocated');
  const bitsStored = number(format, 'BitsStored');
  const representation = number(format, 'PixelRepresentation');
  if (bitsAllocated === null) return missing('BitsAllocated');
  if (bitsStored === null) return missing('BitsStored');
  if (representation === null) return missing('PixelRepresentation');
  // The CT image module knows 16 only (PS3.3 C.8.2.1); 8 comes from JPEG Baseline. float32 could not hold 32-bit values exactly.
  if (bitsAllocated !== 8 && bitsAllocated !== 16) return invalid(format, 'BitsAllocated');
  if (!Number.isInteger(bitsStored) || bitsStored < 2 || bitsStored > bitsAllocated)
    return invalid(format, 'BitsStored');
  // PS3.5 8.1.1 has allowed no other High Bit since 2011; words shifted in another way would be read wrongly by most decoders.
  const highBit = number(format, 'HighBit');
  if (highBit !== null && highBit !== bitsStored - 1) return invalid(format, 'HighBit');
  if (representation !== 0 && representation !== 1) return invalid(format, 'PixelRepresentation');
  const signed = representation === 1;
  const minStored = signed ? -(2 ** (bitsStored - 1)) : 0;
  const maxStored = signed ? 2 ** (bitsStored - 1) - 1 : 2 ** bitsStored - 1;
  // Neighbouring stored values must stay apart in float32, or HU could not be turned back into what was stored.
  const largest = Math.max(Math.abs(slope * minStored + intercept), Math.abs(slope * maxStored + intercept));
  if (Math.abs(slope) < 4 * FLOAT32_EPSILON * largest) return invalid(format, 'RescaleSlope');
  const padding = readPadding(format, signed);
  return { slope, intercept, bitsAllocated, bitsStored, signed, minStored, maxStored, padding };
}

/**
 * Pixel Padding Value is US or SS after Pixel Representation, but a server or parser that does not know which gives the other: 63536 for
 * -2000. Folded into the range of the pixel words. A Range Limit without a Value means nothing (PS3.3 C.7.5.1.1.2).
 */
function readPadding(format: PixelFormat, signed: boolean): Modality['padding'] {
  const value = number(format, 'PixelPaddingValue');
  if (value === null || !Number.isFinite(value)) return null;
  const limit = number(format, 'PixelPaddingRangeLimit');
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
export function modalityOf(format: PixelFormat): Modality {
  const modality = readModality(format);
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
 * @param words rows x columns, native order of this machine; may be what the slice keeps as `stored`
 * @throws DenoiseError (`invalid-attribute` PixelData) when the length is not rows x columns.
 */
export function sliceFromStored(words: StoredPixels, format: PixelFormat): SliceHu {
  const slice = storedSlice(words, format);
  const { slope, intercept } = slice.modality;
  const { stored } = slice;
  const hu = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i++) hu[i] = slope * stored[i]! + intercept;
  return { ...slice, hu };
}

/** `sliceFromStored` without the HU. @throws DenoiseError as there */
export function storedSlice(words: StoredPixels, format: PixelFormat): StoredSlice {
  const matrix = matrixOf(format, words.length);
  const declared = modalityOf(format);
  const stored = valuesOf(asWords(words, declared), declared);
  return { ...matrix, stored, ...withPadding(stored, matrix, declared) };
}

/**
 * The same for pixels to which a viewer has already applied slope and intercept (Cornerstone's `preScale`), bits above Bits Stored
 * included. The stored values are the Modality LUT backwards, exact because the HU came from whole words. Keeps a Float32Array that needs no change, and
 * never writes into `hu`.
 * @throws DenoiseError as `sliceFromStored` does
 */
export function sliceFromHu(hu: ArrayLike<number>, format: PixelFormat): SliceHu {
  const matrix = matrixOf(format, hu.length);
  const modality = modalityOf(format);
  const { slope, intercept, minStored, maxStored } = modality;
  let kept = hu instanceof Float32Array ? hu : Float32Array.from(hu);
  const stored = new (arrayType(modality))(kept.length);
  for (let i = 0; i < kept.length; i++) {
    const word = Math.round((kept[i]! - intercept) / slope);
    if ((word >= minStored && word <= maxStored) || isPadding(word, modality)) {
      stored[i] = word;
      continue;
    }
    stored[i] = usedBits(word, modality);
    if (kept === hu) kept = kept.slice();
    kept[i] = slope * stored[i]! + intercept;
  }
  return { ...matrix, hu: kept, stored, ...withPadding(stored, matrix, modality) };
}

/** A pixel word without what stands above Bits Stored. */
function usedBits(word: number, { bitsStored, signed }: Modality): number {
  const unused = 32 - bitsStored;
  return signed ? (word << unused) >> unused : (word << unused) >>> unused;
}

const isPadding = (value: number, { padding }: Modality): boolean =>
  padding !== null && value >= padding.low && value <= padding.high;

/** The padding of a slice, and its Modality LUT without a declared padding that the image speaks against. */
function withPadding(
  stored: StoredPixels,
  { rows, columns }: { rows: number; columns: number },
  modality: Modality,
): Pick<SliceHu, 'padding' | 'modality'> {
  const { mask, padding } = findPadding(stored, rows, columns, modality);
  return { padding: mask, modality: padding === modality.padding ? modality : { ...modality, padding } };
}

/**
 * The words as Bits Allocated and Pixel Representation say. Some decoders give an unsigned array for signed words, or the reverse; a viewer may keep
 * values in a narrower or wider array than the file.
 */
function asWords(words: StoredPixels, modality: Modality): StoredPixels {
  const ArrayType = arrayType(modality);
  if (words instanceof ArrayType) return words;
  const { byteOffset, length, BYTES_PER_ELEMENT } = words;
  const buffer = words.buffer as ArrayBuffer;
  return BYTES_PER_ELEMENT === ArrayType.BYTES_PER_ELEMENT
    ? new ArrayType(buffer, byteOffset, length)
    : ArrayType.from(words);
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
 * A slice of HU to stored values in the source's format. Where the source is padding its own value is copied.
 * @param hu rows x columns
 * @throws RangeError when `hu` has another size than the source
 */
export function sliceToStored(
  hu: Float32Array,
  { modality, padding, stored: source }: StoredSlice,
): StoredPixels {
  if (hu.length !== source.length) throw new RangeError(`${hu.length} HU for ${source.length} pixels`);
  const stored = new (arrayType(modality))(hu.length);
  for (let i = 0; i < hu.length; i++) {
    stored[i] = padding?.[i] === 1 ? source[i]! : huToStored(hu[i]!, modality);
  }
  return stored;
}

function arrayType({ bitsAllocated, signed }: Modality) {
  if (bitsAllocated === 8) return signed ? Int8Array : Uint8Array;
  return signed ? Int16Array : Uint16Array;
}

function matrixOf(format: PixelFormat, length: number): { rows: number; columns: number } {
  const rows = number(format, 'Rows');
  const columns = number(format, 'Columns');
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

export function invalid(format: PixelFormat, keyword: string): Refusal {
  return { kind: 'refusal', code: 'invalid-attribute', keyword, value: texts(format, keyword).join('\\') };
}
