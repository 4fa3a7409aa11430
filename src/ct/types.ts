import type { Refusal, Warning } from '../notices';

/** One instance's attributes as dcmjs naturalises them; only what is named here is read outside src/dicom. */
export interface NaturalizedInstance {
  readonly [keyword: string]: unknown;
  readonly SOPInstanceUID: string;
  readonly SOPClassUID: string;
  readonly SeriesInstanceUID: string;
  readonly StudyInstanceUID: string;
}

/** Pixels of one slice in HU, row-major, rows x columns. */
export interface SliceHu {
  readonly rows: number;
  readonly columns: number;
  readonly hu: Float32Array;
  /** 1 where the source holds Pixel Padding Value; null when the slice has none. */
  readonly padding: Uint8Array | null;
}

/** A slice that can give its pixels; extension/ and cli/ implement `loadHu`. */
export interface CtSlice {
  readonly instance: NaturalizedInstance;
  loadHu(signal?: AbortSignal): Promise<SliceHu>;
}

/** Slices of one series, sorted along the slice normal. */
export interface CtSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly slices: readonly CtSlice[];
}

/** What a model was trained for and may be trusted on (models/manifest.json, `domain`). */
export interface ModelDomain {
  readonly kernels: readonly string[];
  readonly sliceThicknessMm: readonly [number, number];
  readonly doseFraction: readonly [number, number];
  readonly bodyParts: readonly string[];
  readonly ageYears: readonly [number, number];
  readonly kVp: readonly [number, number];
}

export type Verdict =
  | { readonly kind: 'accepted'; readonly warnings: readonly Warning[] }
  | { readonly kind: 'refused'; readonly reasons: readonly Refusal[] };
