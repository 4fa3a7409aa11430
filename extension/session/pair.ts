import type { SliceHu } from '../../src/ct';
import type { OhifSeries } from '../source';

/** UIDs of the display sets that show a pair; null while OHIF does not list one. The difference is listed when it is first asked for. */
export interface PairDisplaySets {
  readonly source: string;
  denoised: string | null;
  difference: string | null;
}

/** An original and its denoised series, be it live (`Run`) or stored (`StoredPair`), as the comparison and the statistics see them. */
export interface Pair {
  readonly source: OhifSeries;
  readonly displaySets: PairDisplaySets;
  /** Does this display set show the original, the denoised or the difference series? */
  owns(displaySetUid: string): boolean;
  /** Is this the SOP Instance UID of a slice of the original? */
  has(sopInstanceUid: string): boolean;
  /** Place of a slice of the original in the stack as the viewer numbers it, from 1. */
  placeOf(sopInstanceUid: string): number;
  /** Place of an image, original, denoised or difference, in `source.slices`, from 0; -1 for images of other series. */
  indexOf(imageId: string): number;
  sourceHu(sopInstanceUid: string): Promise<SliceHu>;
  /** HU of the denoised slice as it is shown now; null where it is not there. */
  shownHu(sopInstanceUid: string): Promise<Int16Array | Float32Array | null>;
}
