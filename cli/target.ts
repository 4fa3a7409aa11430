import type { DerivedInstance } from '../src/dicom';
import type { Fault } from '../src/notices';
import type { StoreReport } from '../src/store';

/** Where derived series go. */
export interface Target {
  /** @throws TargetError */
  open(series: DerivedSeries): Promise<SeriesTarget>;
}

export interface DerivedSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Instances the whole series has. */
  readonly expected: number;
}

export interface SeriesTarget {
  /** SOP Instance UIDs an earlier run left there. */
  readonly there: ReadonlySet<string>;
  /** Those the target holds in its journal and stores itself: they need not be made again. */
  readonly held: ReadonlySet<string>;
  /** Part 10 bytes of one that is there. */
  read(sopInstanceUid: string): Promise<Uint8Array>;
  /**
   * Takes what comes; `expected` of it makes the series whole together with what was kept.
   * Resolves in every case that can be reported; errors of `instances` reject.
   */
  store(
    instances: AsyncIterable<DerivedInstance>,
    expected: number,
    signal: AbortSignal,
  ): Promise<StoreOutcome>;
}

export interface StoreOutcome {
  /** Instances now there that were not before. */
  readonly written: number;
  readonly failed: readonly { readonly sopInstanceUid: string; readonly reason: string }[];
  readonly notice: Fault | null;
  /** Of a DICOMweb store. */
  readonly store: StoreReport | null;
}

/** The target as a whole cannot be written. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}
