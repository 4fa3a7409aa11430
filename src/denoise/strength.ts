import { huToStored, type SliceHu } from '../ct';

/**
 * What is shown and what is saved at strength s: source + s (denoised - source), rounded once to a value the source's pixel format can
 * hold (integer HU for the usual slope 1; see `huToStored`), so the screen and the file agree exactly. s = 0 gives the source's HU
 * bit for bit; padding keeps the source's HU.
 * @param denoised rows x columns, HU
 * @param strength 0 to 1; RangeError outside
 * @param out written and returned when given (any array of rows x columns numbers; Int16Array only where HU are integers)
 */
export function blend(source: SliceHu, denoised: Int16Array | Float32Array, strength: number): Float32Array;
export function blend<T extends Float32Array | Int16Array>(
  source: SliceHu,
  denoised: Int16Array | Float32Array,
  strength: number,
  out: T,
): T;
export function blend(
  source: SliceHu,
  denoised: Int16Array | Float32Array,
  strength: number,
  out: Float32Array | Int16Array = new Float32Array(source.hu.length),
): Float32Array | Int16Array {
  if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength ${strength} is not between 0 and 1`);
  assertSize(source, denoised);
  assertSize(source, out);
  const { hu, padding, modality } = source;
  if (strength === 0) {
    // The source itself, not its nearest storable value: a file may hold words beyond its own Bits Stored.
    out.set(hu);
    return out;
  }
  // `storedToHu` written out: with a second call V8 no longer inlines either, and the slider takes ten times longer.
  const { slope, intercept } = modality;
  for (let i = 0; i < hu.length; i++) {
    const from = hu[i]!;
    if (padding?.[i] === 1) out[i] = from;
    else out[i] = slope * huToStored(from + strength * (denoised[i]! - from), modality) + intercept;
  }
  return out;
}

/** denoised minus source, HU; 0 on padding. `blended` is what `blend` gave. */
export function difference(source: SliceHu, blended: Float32Array | Int16Array): Float32Array;
export function difference<T extends Float32Array | Int16Array>(
  source: SliceHu,
  blended: Float32Array | Int16Array,
  out: T,
): T;
export function difference(
  source: SliceHu,
  blended: Float32Array | Int16Array,
  out: Float32Array | Int16Array = new Float32Array(source.hu.length),
): Float32Array | Int16Array {
  assertSize(source, blended);
  assertSize(source, out);
  const { hu, padding } = source;
  for (let i = 0; i < hu.length; i++) out[i] = padding?.[i] === 1 ? 0 : blended[i]! - hu[i]!;
  return out;
}

/** A full-strength result as it is kept: 16-bit HU, rounded, clamped. */
export function toInt16(hu: Float32Array): Int16Array {
  const kept = new Int16Array(hu.length);
  for (let i = 0; i < hu.length; i++) kept[i] = Math.min(32767, Math.max(-32768, Math.round(hu[i]!)));
  return kept;
}

function assertSize({ hu }: SliceHu, other: ArrayLike<number>): void {
  if (other.length !== hu.length) throw new RangeError(`${other.length} pixels for a slice of ${hu.length}`);
}
