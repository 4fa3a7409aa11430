import type { SliceStatistics } from './types';

/** Less than this, removed from soft tissue, is hardly seen at any window. */
const QUIET_HU = 1;

/**
 * What was removed, SD in HU, where that is almost nothing; null where it is something, or nothing is known. A series may be quiet because its dose was
 * high, its slices thick, or because something denoised it before.
 * @param removed of the full strength
 * @param strength 0 to 1
 */
export function quietHu(
  removed: Pick<SliceStatistics, 'tissue' | 'sdRemovedHu'>,
  strength: number,
): number | null {
  const { soft } = removed.tissue;
  const full = soft.pixels > 0 ? soft.sdRemovedHu : removed.sdRemovedHu;
  return Number.isFinite(full) && full < QUIET_HU ? full * strength : null;
}
