import type { SliceHu } from '../ct';

/**
 * What is shown and what is saved at strength s: source + s (denoised - source), rounded once to a value the source's pixel format can
 * hold (integer HU for the usual slope 1; see `huToStored`), so the screen and the file agree exactly. s = 0 gives the source's HU
 * bit for bit; padding keeps the source's HU.
 * @param denoised rows x columns, HU
 * @param strength 0 to 1; RangeError outside
 * @param out written and returned when given (any array of rows x columns numbers; Int16Array only where HU are integers)
 */
export declare function blend(
  source: SliceHu,
  denoised: Int16Array | Float32Array,
  strength: number,
): Float32Array;
export declare function blend<T extends Float32Array | Int16Array>(
  source: SliceHu,
  denoised: Int16Array | Float32Array,
  strength: number,
  out: T,
): T;

/** denoised minus source, HU; 0 on padding. `blended` is what `blend` gave. */
export declare function difference(source: SliceHu, blended: Float32Array | Int16Array): Float32Array;
export declare function difference<T extends Float32Array | Int16Array>(
  source: SliceHu,
  blended: Float32Array | Int16Array,
  out: T,
): T;
