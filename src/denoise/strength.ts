import { huToStored, type SliceHu } from '../ct';

/**
 * What is shown and what is saved at strength s: source + s (denoised - source), rounded once to a value the source's pixel format can
 * hold (integer HU for the usual slope 1; see `huToStored`), so the screen and the file agree exactly. s = 0 gives the source's HU
 * bit for bit; padding keeps the source's HU.
 * @param denoised rows x columns, HU
 * @param strength 0 to 1; RangeError outside
 * @param out written and returned when given, rows x columns. Int16Array only where HU are integers; there, what lies beyond 16 bits (an
 *   unsigned padding value: 62,512 HU) becomes the nearest end instead of wrapping round to a plausible HU
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
  const [low, high] = out instanceof Int16Array ? [-32768, 32767] : [-Infinity, Infinity];
  if (strength === 0) {
    // The source itself, not its nearest storable value.
    for (let i = 0; i < hu.length; i++) out[i] = Math.min(high, Math.max(low, hu[i]!));
    return out;
  }
  // `storedToHu` written out: with a second call V8 no longer inlines either, and the slider takes ten times longer.
  const { slope, intercept } = modality;
  for (let i = 0; i < hu.length; i++) {
    const from = hu[i]!;
    const value =
      padding?.[i] === 1
        ? from
        : slope * huToStored(from + strength * (denoised[i]! - from), modality) + intercept;
    out[i] = value < low ? low : value > high ? high : value;
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
  // Not through the global each time, which costs a look-up a pixel where the global object is a proxy.
  const { round } = Math;
  for (let i = 0; i < hu.length; i++) {
    const value = round(hu[i]!);
    kept[i] = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
  }
  return kept;
}

function assertSize({ hu }: SliceHu, other: ArrayLike<number>): void {
  if (other.length !== hu.length) throw new RangeError(`${other.length} pixels for a slice of ${hu.length}`);
}
