import { DenoiseError } from '../notices';
import type { EngineInput, ModelCard } from './types';

/** Network input or output: [1, slices, height, width] float32 HU. */
export interface Tensor {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** What padding is shown as, unless its own value is that of air already: there was nothing else outside the scanner's field of view. */
const AIR_HU = -1000;
/** A result further outside the input range than this is no overshoot but a broken computation. */
const OVERSHOOT_HU = 1000;

/** Rows and columns up to the card's multiple. */
export function paddedSize(
  { rows, columns }: Pick<EngineInput, 'rows' | 'columns'>,
  { input: { multiple } }: ModelCard,
): { readonly height: number; readonly width: number } {
  return { height: Math.ceil(rows / multiple) * multiple, width: Math.ceil(columns / multiple) * multiple };
}

/**
 * A slice in the form the network takes, a tensor of one: values clamped to the card's range, padding as air, edges continued by reflection up to the
 * card's multiple. Always a new array, so it can be transferred while the slice stays whole for a retry.
 * @throws DenoiseError `bad-input` where a pixel outside the padding is not finite
 */
export function toTensor({ hu, rows, columns, padding }: EngineInput, card: ModelCard): Tensor {
  const [low, high] = card.input.rangeHU;
  const { height, width } = paddedSize({ rows, columns }, card);
  const air = Math.min(high, Math.max(low, AIR_HU));
  const data = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const from = reflect(y, rows) * columns;
    const to = y * width;
    for (let x = 0; x < columns; x++) {
      const value = hu[from + x]!;
      data[to + x] = padding?.[from + x] === 1 && !(value >= low && value < air) ? air : value;
    }
    for (let x = columns; x < width; x++) data[to + x] = data[to + reflect(x, columns)]!;
  }
  // A loop of its own, simple enough for V8 to keep its numbers off the heap.
  let unusable = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    // 0 for a finite number, NaN for what is none.
    unusable += value - value;
    if (value < low) data[i] = low;
    else if (value > high) data[i] = high;
  }
  if (unusable !== 0) throw new DenoiseError({ kind: 'fault', code: 'bad-input', what: 'not-finite' });
  return { data, height, width };
}

/**
 * The network's output as a slice: cropped, checked, and what the clamp took from the input given back, so that values beyond the
 * range (metal) come out as they went in. `result` is changed and, when nothing was cropped, returned.
 * @throws DenoiseError `bad-output`
 */
export function fromTensor(
  result: Tensor,
  { hu, rows, columns, padding }: EngineInput,
  card: ModelCard,
): Float32Array {
  const [low, high] = card.input.rangeHU;
  const { data, width } = result;
  const out = result.height === rows && width === columns ? data : new Float32Array(rows * columns);
  const [least, most] = [low - OVERSHOOT_HU, high + OVERSHOOT_HU];
  for (let y = 0; y < rows; y++) {
    const from = y * width;
    const to = y * columns;
    for (let x = 0; x < columns; x++) {
      const value = data[from + x]!;
      // Nor is NaN between the two.
      if (!(value >= least && value <= most)) throw badOutput(value);
      const source = hu[to + x]!;
      if (source >= low && source <= high) out[to + x] = value;
      else if (padding?.[to + x] === 1) out[to + x] = value;
      else out[to + x] = value + (source < low ? source - low : source - high);
    }
  }
  return out;
}

function badOutput(value: number): DenoiseError {
  return Number.isFinite(value)
    ? new DenoiseError({ kind: 'fault', code: 'bad-output', what: 'out-of-range', detail: `${value} HU` })
    : new DenoiseError({ kind: 'fault', code: 'bad-output', what: 'not-finite' });
}

/** Index mirrored at the last pixel, which is not repeated (numpy's "reflect"); works for any size and distance. */
function reflect(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const at = index % period;
  return at < size ? at : period - at;
}

/** Largest absolute difference; Infinity when a value is not finite or the lengths differ. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
