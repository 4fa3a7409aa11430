import { huToStored, storedToHu, type Modality, type SliceHu } from '../ct';

const [LOWEST, HIGHEST] = [-32768, 32767];

/**
 * What is shown and what is saved at strength s: source + s (denoised - source), rounded once to a value the source's pixel format can
 * hold (integer HU for the usual slope 1; see `huToStored`), so the screen and the file agree exactly. s = 0 gives the source's HU
 * bit for bit; padding keeps the source's HU.
 * @param denoised rows x columns, HU
 * @param strength 0 to 1; RangeError outside
 * @param out written and returned when given, rows x columns. Int16Array only where `hasInt16Hu`; there, what lies beyond 16 bits (an
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
  const [low, high] = out instanceof Int16Array ? [LOWEST, HIGHEST] : [-Infinity, Infinity];
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

/**
 * Whether 16-bit HU hold every value of this format that a scanner can mean: slope 1, a whole intercept, and nothing above 32,767 HU. Below -32,768 HU
 * lies nothing that was measured, though signed words of 16 bits with an intercept of -1024 could say so.
 */
export function hasInt16Hu(modality: Modality): boolean {
  const { slope, intercept, minStored, maxStored } = modality;
  const highest = Math.max(storedToHu(minStored, modality), storedToHu(maxStored, modality));
  return Math.abs(slope) === 1 && Number.isInteger(intercept) && highest <= HIGHEST;
}

/**
 * A full-strength result as it is kept. `blend` rounds to what the file can hold; rounding before that, to whole HU of 16 bits, saves half of the memory
 * but is right only where the file's values are whole HU too and none of the result's lies beyond 16 bits. Elsewhere the result stays float32.
 * @returns an array of its own
 */
export function toKept(hu: Float32Array, { slope, intercept }: Modality): Int16Array | Float32Array {
  if (Math.abs(slope) !== 1 || !Number.isInteger(intercept)) return hu.slice();
  const kept = new Int16Array(hu.length);
  // Not through the global each time, which costs a look-up a pixel where the global object is a proxy.
  const { round } = Math;
  for (let i = 0; i < hu.length; i++) {
    const value = round(hu[i]!);
    if (value > HIGHEST || value < LOWEST) return hu.slice();
    kept[i] = value;
  }
  return kept;
}

function assertSize({ hu }: SliceHu, other: ArrayLike<number>): void {
  if (other.length !== hu.length) throw new RangeError(`${other.length} pixels for a slice of ${hu.length}`);
}
