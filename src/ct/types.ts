import type { Refusal, Warning } from '../notices';

/** One instance's attributes as dcmjs naturalises them; only what is named here is read outside src/dicom. */
export interface NaturalizedInstance {
  readonly [keyword: string]: unknown;
  readonly SOPInstanceUID: string;
  readonly SOPClassUID: string;
  readonly SeriesInstanceUID: string;
  readonly StudyInstanceUID: string;
}

/** The attributes that say what pixel words mean, from a naturalised dataset or straight from a file's elements. */
export interface PixelFormat {
  readonly [keyword: string]: unknown;
  readonly Rows?: unknown;
  readonly Columns?: unknown;
  readonly BitsAllocated?: unknown;
  readonly BitsStored?: unknown;
  readonly HighBit?: unknown;
  readonly PixelRepresentation?: unknown;
  readonly RescaleSlope?: unknown;
  readonly RescaleIntercept?: unknown;
  readonly PixelPaddingValue?: unknown;
  readonly PixelPaddingRangeLimit?: unknown;
}

/**
 * How stored values and HU of one instance correspond: HU = slope * stored + intercept (PS3.3 C.11.1), and which stored values
 * the pixel words can hold. Made by `modalityOf(format)`.
 */
export interface Modality {
  readonly slope: number;
  readonly intercept: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  /** Smallest and largest stored value of Bits Stored and Pixel Representation. */
  readonly minStored: number;
  readonly maxStored: number;
  /**
   * Stored values that mean "no data", both ends included (PS3.3 C.7.5.1.1.2); null when the instance names none, and in a slice that holds them
   * as measurements.
   */
  readonly padding: { readonly low: number; readonly high: number } | null;
}

/** Pixels of one slice in HU, row-major, rows x columns. Made by `sliceFromStored` or `sliceFromHu`. */
export interface SliceHu {
  readonly rows: number;
  readonly columns: number;
  readonly hu: Float32Array;
  /** 1 where the source holds no measurement: see `findPadding`; null when the slice has no such pixels. */
  readonly padding: Uint8Array | null;
  readonly modality: Modality;
  /**
   * The stored values behind `hu`, before the Modality LUT: pixel words without what stands above Bits Stored, the same whichever decoder gave the
   * words. Int16Array or Uint16Array; Int8Array or Uint8Array where Bits Allocated is 8.
   */
  readonly stored: StoredPixels;
}

/** A slice without its HU, for what needs none. Made by `storedSlice`. */
export type StoredSlice = Omit<SliceHu, 'hu'>;

/** Pixel words as a decoder gives them. */
export type StoredPixels = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

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

/**
 * Of a model that reads `inputs` neighbouring slices (n) and gives `outputs` of them denoised (m): output i belongs to input i + (n - m) / 2
 * (models/manifest.json, `slab`). Both odd, m at most n.
 */
export interface ModelSlab {
  readonly inputs: number;
  readonly outputs: number;
  /** Distances between neighbouring slices along the normal that the model was trained for, both ends included. */
  readonly spacingMm: readonly [number, number];
  /** Neighbours further apart or closer: refuse the series, use them and warn, or show the model each slice alone, repeated, and warn. */
  readonly beyondSpacing: 'refuse' | 'warn' | 'repeat';
}

/** What the domain asks that a file may leave open. A kernel or a thickness that is not stated has a warning of its own. */
export type DomainQuestion = 'body part' | 'age' | 'kV';

export type Verdict =
  | {
      readonly kind: 'accepted';
      readonly warnings: readonly Warning[];
      /** What of the model's domain the files do not state, and nobody can judge; empty when no model is chosen. */
      readonly unknown: readonly DomainQuestion[];
    }
  | { readonly kind: 'refused'; readonly reasons: readonly Refusal[] };
