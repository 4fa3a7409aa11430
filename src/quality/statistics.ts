import type { SliceHu } from '../ct';
import { boxMean } from './filters';
import { structureInResidual } from './structure';
import type { SliceStatistics, Tissue, TissueChange } from './types';

/**
 * HU ranges, low included, high excluded. Between them lie partial volumes, which belong to no class.
 */
export const TISSUES: Readonly<Record<Tissue, readonly [number, number]>> = {
  air: [-Infinity, -950],
  lung: [-950, -500],
  fat: [-150, -30],
  soft: [-30, 150],
  bone: [200, Infinity],
};
const NAMES = Object.keys(TISSUES) as Tissue[];

/**
 * Pixels are classed by the mean of the source over 5 x 5 pixels. Classed by their own noisy value, the brightest soft tissue would
 * count as bone and every class would seem to have moved towards its neighbours.
 */
const CLASS_RADIUS = 2;

/** n, sum and sum of squares of denoised minus source. */
interface Sums {
  n: number;
  sum: number;
  squares: number;
}

/** Sums behind a SliceStatistics, so that slices can be pooled without rounding through means. */
const sumsOf = new WeakMap<SliceStatistics, Readonly<Record<Tissue | 'all', Sums>>>();

/**
 * What was removed from one slice; padding is left out.
 * @param denoised rows x columns, HU, the full-strength result (see `structureInResidual`)
 */
export function sliceStatistics(source: SliceHu, denoised: Float32Array | Int16Array): SliceStatistics {
  const { rows, columns, hu, padding } = source;
  if (denoised.length !== hu.length)
    throw new RangeError(`${denoised.length} pixels for a slice of ${hu.length}`);
  const local = boxMean(hu, rows, columns, CLASS_RADIUS);
  const sums = emptySums();
  let maxAbsChangeHu = 0;
  for (let i = 0; i < hu.length; i++) {
    if (padding?.[i] === 1) continue;
    const change = denoised[i]! - hu[i]!;
    maxAbsChangeHu = Math.max(maxAbsChangeHu, Math.abs(change));
    add(sums.all, change);
    const tissue = classOf(local[i]!);
    if (tissue) add(sums[tissue], change);
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

  /** Pixel-weighted over all slices added. */
  total(): Omit<SliceStatistics, 'structure'> & { readonly flaggedSlices: readonly string[] } {
    const sums = emptySums();
    let maxAbsChangeHu = 0;
    const flaggedSlices: string[] = [];
    for (const [sopInstanceUid, slice] of this.#slices) {
      const given = sumsOf.get(slice);
      if (!given) throw new TypeError('only what sliceStatistics returned can be pooled');
      for (const key of [...NAMES, 'all'] as const) {
        sums[key].n += given[key].n;
        sums[key].sum += given[key].sum;
        sums[key].squares += given[key].squares;
      }
      maxAbsChangeHu = Math.max(maxAbsChangeHu, slice.maxAbsChangeHu);
      if (slice.structure.flagged) flaggedSlices.push(sopInstanceUid);
    }
    return { ...summary(sums), maxAbsChangeHu, flaggedSlices };
  }
}

function classOf(hu: number): Tissue | null {
  for (const name of NAMES) {
    if (hu >= TISSUES[name][0] && hu < TISSUES[name][1]) return name;
  }
  return null;
}

function emptySums(): Record<Tissue | 'all', Sums> {
  const zero = (): Sums => ({ n: 0, sum: 0, squares: 0 });
  return { all: zero(), air: zero(), lung: zero(), fat: zero(), soft: zero(), bone: zero() };
}

function add(sums: Sums, change: number): void {
  sums.n += 1;
  sums.sum += change;
  sums.squares += change * change;
}

function summary(sums: Readonly<Record<Tissue | 'all', Sums>>) {
  const all = changeOf(sums.all);
  const tissue = Object.fromEntries(NAMES.map(name => [name, changeOf(sums[name])])) as Record<
    Tissue,
    TissueChange
  >;
  return { pixels: all.pixels, meanChangeHu: all.meanChangeHu, sdRemovedHu: all.sdRemovedHu, tissue };
}

/** SD over all n pixels, not n - 1: these are all there are, not a sample. */
function changeOf({ n, sum, squares }: Sums): TissueChange {
  if (n === 0) return { pixels: 0, meanChangeHu: Number.NaN, sdRemovedHu: Number.NaN };
  const mean = sum / n;
  return { pixels: n, meanChangeHu: mean, sdRemovedHu: Math.sqrt(Math.max(0, squares / n - mean * mean)) };
}
