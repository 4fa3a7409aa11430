import type { SliceHu } from '../../src/ct';
import type { DenoisedSlice } from '../../src/denoise';

/** A denoised slice, whoever made it: full strength where it is live, as it is stored where it was read back. */
export type ResultSlice = Pick<DenoisedSlice, 'sopInstanceUid' | 'rows' | 'columns'> & {
  readonly hu: Int16Array | Float32Array;
};

/** Where a derived series gets its pixels from: one run of the denoiser, or a stored series. Slices are named by the SOP Instance UID of the original. */
export interface PixelSource {
  /** 0 to 1, of the results in the pixels; may change at any time. */
  readonly strength: number;
  /** What the label says: the same, or what a stored series was made with; null where that is not known. */
  readonly toldStrength: number | null;
  /**
   * Resolves when the slice is denoised; rejects when it will not be. Who looks at a slice tells the run itself: Cornerstone asks
   * once for an image, be it for a prefetch, and not again when it comes on screen.
   */
  denoised(sopInstanceUid: string): Promise<ResultSlice>;
  /** The slice if it is denoised, else the first one that is; never resolves when the run is closed before. */
  someDone(preferredUid: string): Promise<ResultSlice>;
  sourceHu(sopInstanceUid: string): Promise<SliceHu>;
}
