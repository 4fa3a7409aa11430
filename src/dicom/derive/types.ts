import type { NaturalizedInstance, StoredPixels } from '../../ct';
import type { ParsedInstance } from '../part10/reader';
import type { Provenance } from './provenance';
import type { SeriesMoment } from './series-moment';

/**
 * Where a derived slice comes from: Part 10 bytes, a file already read (and its stored values, where a slice has been made of it), or what a viewer
 * holds: a naturalised dataset and the stored values. All give the same UIDs and pixels; from a naturalised dataset, values that the viewer did not load
 * (private, bulk data) cannot be copied.
 */
export type DeriveSource =
  | Uint8Array
  | { readonly parsed: ParsedInstance; readonly stored?: StoredPixels }
  | { readonly instance: NaturalizedInstance; readonly stored: StoredPixels };

export interface DeriveInput {
  readonly source: DeriveSource;
  /** The blended slice in HU, rows x columns, row-major, as `blend` gives it. Values under the source's padding are ignored. */
  readonly hu: Int16Array | Float32Array;
  readonly provenance: Provenance;
  /** When the derived slices were made; one moment for all slices of a run. */
  readonly createdAt: Date;
  /** Series Date and Time that an earlier run gave the series; null or absent: `createdAt`. */
  readonly seriesMoment?: SeriesMoment | null;
  /** Of a model that reads neighbouring slices: what it read for this one; null or absent: this slice alone. */
  readonly slab?: SlabSources | null;
}

/** How a slice is derived, apart from its source. */
export type DeriveSettings = Omit<DeriveInput, 'source'>;

/** An instance by class and UID. */
export interface SourceReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface DerivedUids {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** A source instance and its pixels: the same identity, the same image. */
export interface SourceIdentity extends SourceReference {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** SHA-256 (hex) of the stored values as 16-bit little endian. */
  readonly pixelHash: string;
}

/** What a model of slabs read for a slice: its inputs in order, some perhaps more than once, and which of its outputs the slice is. */
export interface SlabSources {
  readonly inputs: readonly Pick<SourceIdentity, 'sopClassUid' | 'sopInstanceUid' | 'pixelHash'>[];
  readonly output: number;
}

export interface DerivedInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Part 10, Explicit VR Little Endian. */
  readonly part10: Uint8Array;
  /** SHA-256 (hex) of the value of Pixel Data, without the byte that makes its length even. */
  readonly pixelHash: string;
}
