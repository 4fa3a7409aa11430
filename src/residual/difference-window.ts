import type { SliceHu } from '../ct';
import { sliceStatistics } from './statistics';

/** Widths to choose from, HU: round, as those a reader sets by hand. */
const WIDTHS = [20, 30, 40, 60, 80, 100, 150, 200, 300, 400] as const;
/** Before there is a slice to judge by. */
const USUAL_WIDTH = 100;
/** Six standard deviations: noise fills the greys from end to end, and what is more than noise stands out black and white. */
const DEVIATIONS = 6;
/** Fewer pixels of soft tissue say little. */
const ENOUGH_PIXELS = 500;

/**
 * Window of a difference series, centred on no change. A chest of a quarter dose loses twenty times the noise of a thin abdomen, so the width
 * follows from the first slice that is shown, at full strength, and stays: less strength must look like less.
 */
export class DifferenceWindow {
  readonly center = 0;
  private chosen: number | null = null;

  get width(): number {
    return this.chosen ?? USUAL_WIDTH;
  }

  /** @param denoised at full strength */
  fit(source: SliceHu, denoised: Float32Array | Int16Array): void {
    if (this.chosen !== null) return;
    const { tissue, sdRemovedHu } = sliceStatistics(source, denoised);
    const sd = tissue.soft.pixels >= ENOUGH_PIXELS ? tissue.soft.sdRemovedHu : sdRemovedHu;
    this.chosen = WIDTHS.find(width => width >= DEVIATIONS * sd) ?? WIDTHS.at(-1)!;
  }
}
