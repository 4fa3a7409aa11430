import type { SliceHu } from '../ct';
import { boxMean } from './filters';
import { structureInResidual } from './structure';
import type { SliceStatistics, Tissue, TissueChange } from './types';

/** HU ranges, low included, high excluded. Between them lie mixtures, which belong to no class. */
export const TISSUES: Readonly<Record<Tissue, readonly [number, number]>> = {
  air: [-Infinity, -950],
  lung: [-950, -500],
  fat: [-150, -30],
  soft: [-30, 150],
  bone: [200, Infinity],
};
const NAMES = Object.keys(TISSUES) as Tissue[];

/**
 * Pixels are classed by the mean of the denoised slice over 5 x 5 pixels. Classed by the source, the brightest soft tissue would count as
 * bone and every class would seem to have moved towards its neighbours: noise of CT is too coarse for the mean to remove it.
 */
const CLASS_RADIUS = 2;

/** n, sum and sum of squares of denoised minus source for each tissue in the order of NAMES, then for what is of no class. */
type Sums = Float64Array;
const NO_CLASS = NAMES.length;
const CLASSES = NAMES.length + 1;

/** Sums behind a SliceStatistics, so that slices can be pooled without rounding through means. */
const sumsOf = new WeakMap<SliceStatistics, Sums>();

/**
 * What was removed from one slice; padding is left out. A pixel counts for its tissue only in the middle of 5 x 5 pixels that all are of that
 * tissue (9 x 9 pixels take part): between lung and muscle lie values of fat that no fat has, and what a denoiser does to such an
 * edge is no shift of a tissue. The figures of the whole slice count every pixel.
 * @param denoised rows x columns, HU, the full-strength result (see `structureInResidual`)
 */
export function sliceStatistics(source: SliceHu, denoised: Float32Array | Int16Array): SliceStatistics {
  const { rows, columns, hu, padding } = source;
  if (denoised.length !== hu.length)
    throw new RangeError(`${denoised.length} pixels for a slice of ${hu.length}`);
  const local = boxMean(denoised, rows, columns, CLASS_RADIUS);
  const classes = new Uint8Array(hu.length);
  for (let i = 0; i < hu.length; i++) classes[i] = padding?.[i] === 1 ? NO_CLASS : classOf(local[i]!);
  const inside = eroded(classes, rows, columns);
  const sums: Sums = new Float64Array(3 * CLASSES);
  let maxAbsChangeHu = 0;
  for (let i = 0; i < hu.length; i++) {
    if (padding?.[i] === 1) continue;
    const change = denoised[i]! - hu[i]!;
    if (Math.abs(change) > maxAbsChangeHu) maxAbsChangeHu = Math.abs(change);
    const at = 3 * inside[i]!;
    sums[at]! += 1;
    sums[at + 1]! += change;
    sums[at + 2]! += change * change;
  }
  const statistics = { ...summary(sums), maxAbsChangeHu, structure: structureInResidual(source, denoised) };
  sumsOf.set(statistics, sums);
  return statistics;
}

/** Pools slices of a series as they come, in any order; a slice added again replaces what it said before. */
export class SeriesStatistics {
  readonly #slices = new Map<string, SliceStatistics>();

  /** @param slice what `sliceStatistics` gave */
  add(sopInstanceUid: string, slice: SliceStatistics): void {
    this.#slices.set(sopInstanceUid, slice);
  }

  /** Pixel-weighted over all slices added; `slices` is how many. */
  total(): Omit<SliceStatistics, 'structure'> & {
    readonly slices: number;
    readonly flaggedSlices: readonly string[];
  } {
    const sums: Sums = new Float64Array(3 * CLASSES);
    let maxAbsChangeHu = 0;
    const flaggedSlices: string[] = [];
    for (const [sopInstanceUid, slice] of this.#slices) {
      const given = sumsOf.get(slice);
      if (!given) throw new TypeError('only what sliceStatistics returned can be pooled');
      for (let i = 0; i < sums.length; i++) sums[i]! += given[i]!;
      maxAbsChangeHu = Math.max(maxAbsChangeHu, slice.maxAbsChangeHu);
      if (slice.structure.flagged) flaggedSlices.push(sopInstanceUid);
    }
    return { ...summary(sums), slices: this.#slices.size, maxAbsChangeHu, flaggedSlices };
  }
}

/** Classes where all of the 5 x 5 pixels around agree, NO_CLASS elsewhere. What lies beyond the slice does not disagree. */
function eroded(classes: Uint8Array, rows: number, columns: number): Uint8Array {
  const across = new Uint8Array(classes.length);
  const both = new Uint8Array(classes.length);
  for (let y = 0; y < rows; y++) {
    const first = y * columns;
    const last = first + columns - 1;
    for (let i = first; i <= last; i++) {
      const own = classes[i]!;
      const same =
        classes[Math.max(first, i - 2)] === own &&
        classes[Math.max(first, i - 1)] === own &&
        classes[Math.min(last, i + 1)] === own &&
        classes[Math.min(last, i + 2)] === own;
      across[i] = same ? own : NO_CLASS;
    }
  }
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    const farNorth = Math.max(0, y - 2) * columns;
    const north = Math.max(0, y - 1) * columns;
    const south = Math.min(rows - 1, y + 1) * columns;
    const farSouth = Math.min(rows - 1, y + 2) * columns;
    for (let x = 0; x < columns; x++) {
      const own = across[row + x]!;
      const same =
        across[farNorth + x] === own &&
        across[north + x] === own &&
        across[south + x] === own &&
        across[farSouth + x] === own;
      both[row + x] = same ? own : NO_CLASS;
    }
  }
  return both;
}

/** Index into NAMES, or NO_CLASS. TISSUES as a chain of comparisons, because a loop over the table dominates the time of a slice. */
function classOf(hu: number): number {
  if (hu < TISSUES.air[1]) return 0;
  if (hu < TISSUES.lung[1]) return 1;
  if (hu < TISSUES.fat[0]) return NO_CLASS;
  if (hu < TISSUES.fat[1]) return 2;
  if (hu < TISSUES.soft[1]) return 3;
  return hu < TISSUES.bone[0] ? NO_CLASS : 4;
}

function summary(sums: Sums) {
  let [n, sum, squares] = [0, 0, 0];
  for (let i = 0; i < sums.length; i += 3) {
    n += sums[i]!;
    sum += sums[i + 1]!;
    squares += sums[i + 2]!;
  }
  const tissue = Object.fromEntries(
    NAMES.map((name, i) => [name, changeOf(sums[3 * i]!, sums[3 * i + 1]!, sums[3 * i + 2]!)]),
  ) as Record<Tissue, TissueChange>;
  const { pixels, meanChangeHu, sdRemovedHu } = changeOf(n, sum, squares);
  return { pixels, meanChangeHu, sdRemovedHu, tissue };
}

/** SD over all n pixels, not n - 1: these are all there are, not a sample. */
function changeOf(n: number, sum: number, squares: number): TissueChange {
  if (n === 0) return { pixels: 0, meanChangeHu: Number.NaN, sdRemovedHu: Number.NaN };
  const mean = sum / n;
  return { pixels: n, meanChangeHu: mean, sdRemovedHu: Math.sqrt(Math.max(0, squares / n - mean * mean)) };
}
