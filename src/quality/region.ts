import type { SliceHu } from '../ct';
import type { Region, RegionStatistics } from './types';

/** Mean, SD (n - 1) and n in the original and the denoised slice over the same pixels, padding left out. */
export declare function regionStatistics(
  source: SliceHu,
  denoised: Float32Array | Int16Array,
  region: Region,
): { readonly original: RegionStatistics; readonly denoised: RegionStatistics };
