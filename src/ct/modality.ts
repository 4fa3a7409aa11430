import type { Modality, NaturalizedInstance, SliceHu, StoredPixels } from './types';

/**
 * The Modality LUT and pixel format of one instance.
 * @throws DenoiseError with a `missing-attribute`, `invalid-attribute` or `not-hu` refusal.
 */
export declare function modalityOf(instance: NaturalizedInstance): Modality;

/**
 * Decoded pixel words to HU. Padding is found on the words, before the Modality LUT; bits above Bits Stored are ignored elsewhere.
 * @param stored rows x columns words, native order of this machine
 * @throws DenoiseError (`invalid-attribute` PixelData) when the length is not rows x columns.
 */
export declare function sliceFromStored(stored: StoredPixels, instance: NaturalizedInstance): SliceHu;

/**
 * The same for pixels to which a viewer has already applied slope and intercept (Cornerstone's `preScale`).
 * Copies when `hu` is not a Float32Array; keeps the array otherwise.
 */
export declare function sliceFromHu(hu: ArrayLike<number>, instance: NaturalizedInstance): SliceHu;

/**
 * HU to the stored value that represents it best: round to the nearest, clamp to Bits Stored, and never the padding value (moved off
 * it by the smallest step). Exact inverse of `storedToHu` on every value that is not padding.
 */
export declare function huToStored(hu: number, modality: Modality): number;

/** slope * stored + intercept, in float32 as everywhere in this project. */
export declare function storedToHu(stored: number, modality: Modality): number;

/**
 * A slice of HU to pixel words in the source's format. Where `padding` is 1 the source's own word is copied.
 * @param source the source's words; needed only when `padding` is not null
 * @returns Int16Array or Uint16Array (Int8Array/Uint8Array, Int32Array/Uint32Array after Bits Allocated)
 */
export declare function sliceToStored(
  hu: Float32Array,
  modality: Modality,
  padding: Uint8Array | null,
  source: StoredPixels | null,
): StoredPixels;
