import type { SliceHu } from '../../src/ct';
import type { DenoisedSlice } from '../../src/denoise';

/** Where a derived series gets its pixels from: one run of the denoiser. Slices are named by the SOP Instance UID of the original. */
export interface PixelSource {
  /** 0 to 1; may change at any time. */
  readonly strength: number;
  /**
   * Resolves when the slice is denoised; rejects when it will not be. Who looks at a slice tells the run itself: Cornerstone asks
   * once for an image, be it for a prefetch, and not again when it comes on screen.
   */
  denoised(sopInstanceUid: string): Promise<DenoisedSlice>;
  /** The slice if it is denoised, else the first one that is; never resolves when the run is closed before. */
  someDone(preferredUid: string): Promise<DenoisedSlice>;
  sourceHu(sopInstanceUid: string): Promise<SliceHu>;
}
