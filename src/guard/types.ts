import type { Tissue } from '../residual';

/** A faint ball that is added to a scan. Its contrast is added (lighter) and taken off (darker). */
export interface Lesion {
  readonly diameterMm: number;
  readonly contrastHu: number;
}

/** A pixel of one of the slices looked at. */
export interface Place {
  readonly sopInstanceUid: string;
  readonly row: number;
  readonly column: number;
}

/** A share of the contrast at full strength, and its standard deviation over the places (n - 1). */
export interface Kept {
  readonly mean: number;
  readonly sd: number;
}

/**
 * What a channelised Hotelling observer sees of a lesion, in the units of its channels: enough for d' at every strength. Matrices are
 * row-major, channels x channels.
 */
export interface ObserverMoments {
  /** The lesion itself, in each channel. */
  readonly lesion: readonly number[];
  /** Mean over places of what the denoiser makes of the lesion, and its covariance. */
  readonly denoised: readonly number[];
  readonly spread: readonly number[];
  /** Covariances of the noise over the regions: of the original, between original and denoised, of the denoised. */
  readonly before: readonly number[];
  readonly between: readonly number[];
  readonly after: readonly number[];
}

export interface LesionMeasurement {
  readonly lesion: Lesion;
  /** Where it was put. */
  readonly places: readonly Place[];
  readonly lighter: Kept;
  readonly darker: Kept;
  /** Null where too few uniform regions tell the noise, or the lesion is too large for the observer's window. */
  readonly observer: ObserverMoments | null;
}

/** Mean power in rings of one frequency step each, HU^2, of 24 x 24 regions: what a noise power spectrum shows. Ring k is k / (24 pixels). */
export interface NoiseSpectrum {
  readonly before: readonly number[];
  readonly between: readonly number[];
  readonly after: readonly number[];
}

export interface NoiseMeasurement {
  /** Uniform regions of soft tissue. */
  readonly regions: readonly Place[];
  /** Mean over the regions, HU^2: of the original's noise, of the product with the denoised, of the denoised. */
  readonly variance: { readonly before: number; readonly between: number; readonly after: number };
  readonly spectrum: NoiseSpectrum;
}

/** What full strength changes where nothing should change. */
export interface ChangeMeasurement {
  /** Mean of denoised minus source in the midst of a tissue (`sliceStatistics`); tissues with too few pixels are left out. */
  readonly tissues: readonly {
    readonly tissue: Tissue;
    readonly pixels: number;
    readonly meanChangeHu: number;
  }[];
  /** Largest score of structure in what was removed (`structureInResidual`), and in which slice. */
  readonly structure: { readonly score: number; readonly sopInstanceUid: string };
  /**
   * Sharpness of the scan's own strong edges, denoised over source, 1 where they are as sharp; null without edges. With u the denoised slice smoothed:
   * the sum of grad u . grad F(x) over that of grad u . grad x, where |grad u| is 50 HU a pixel or more. Noise of x hardly counts, since u has little.
   */
  readonly edgesKept: number | null;
  /** The square of BLOCK_PX pixels whose mean changes most; row and column are its first pixel. */
  readonly block: Place & { readonly meanChangeHu: number };
}

/** All figures are of full strength: blending is linear, so those of every other strength follow (`guardFigures`). */
export interface GuardMeasurement {
  /** SOP Instance UIDs of the slices looked at. */
  readonly looks: readonly string[];
  readonly inferences: number;
  readonly pixelMm: number;
  /** Empty where no slice looked at has uniform tissue that is large enough. */
  readonly lesions: readonly LesionMeasurement[];
  /** Null where no uniform region tells the noise. */
  readonly noise: NoiseMeasurement | null;
  readonly change: ChangeMeasurement;
}
