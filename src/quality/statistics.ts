import type { SliceHu } from '../ct';
import type { SliceStatistics, Tissue } from './types';

/** HU ranges, low included, high excluded. */
export declare const TISSUES: Readonly<Record<Tissue, readonly [number, number]>>;

/** @param denoised rows x columns, HU (usually what `blend` gave) */
export declare function sliceStatistics(
  source: SliceHu,
  denoised: Float32Array | Int16Array,
): SliceStatistics;

/** Pools slices of a series as they come, in any order. */
export declare class SeriesStatistics {
  add(sopInstanceUid: string, slice: SliceStatistics): void;
  /** Pixel-weighted over all slices added. */
  total(): Omit<SliceStatistics, 'structure'> & { readonly flaggedSlices: readonly string[] };
}
