import type { DerivedInstance, SeriesMoment } from '../src/dicom';
import type { Fault } from '../src/notices';
import type { StoreReport } from '../src/store';

/** Where derived series go. */
export interface Target {
  /** @throws TargetError; SeriesBusy when another process is at this series */
  open(series: DerivedSeries): Promise<SeriesTarget>;
}

export interface DerivedSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Instances the whole series has. */
  readonly expected: number;
}

/** What is known of a derived instance before it is computed. */
export interface ExpectedInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly pixels: number;
}

export interface SeriesTarget {
  /** SOP Instance UIDs that an earlier run left in the target. */
  readonly existingUids: ReadonlySet<string>;
  /** Those that the target has in its journal and stores itself: they need not be made again. */
  readonly journaledUids: ReadonlySet<string>;
  /** Series Date and Time of what an earlier run left: one series has one. */
  readonly seriesMoment: SeriesMoment | null;
  /** Whether an existing instance is what an earlier run wrote; false when it is damaged or cannot be read. */
  isIntact(expected: ExpectedInstance): Promise<boolean>;
  /**
   * Whether the existing instance of this UID has these pixels, within what two processors may differ by; null where `isIntact` answers that already.
   * @throws TargetError
   */
  readonly hasSamePixels: ((derived: DerivedInstance) => Promise<boolean>) | null;
  /**
   * Takes what comes; `expected` of it makes the series whole together with what was kept.
   * Resolves in every case that can be reported; errors of `instances` reject.
   */
  store(
    instances: AsyncIterable<DerivedInstance>,
    expected: number,
    signal: AbortSignal,
  ): Promise<StoreOutcome>;
  /** Nothing more comes; another process may have the series. */
  close(): Promise<void>;
}

export interface FailedInstance {
  readonly sopInstanceUid: string;
  /** A sentence. */
  readonly reason: string;
}

export interface StoreOutcome {
  /** Instances now there that were not before. */
  readonly written: number;
  readonly failed: readonly FailedInstance[];
  readonly notice: Fault | null;
  /** Of a DICOMweb store. */
  readonly store: StoreReport | null;
}

/** The target as a whole cannot be written. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}

/** By its shape: an error of another realm (a worker, a test's sandbox) is no instance of our Error. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof error === 'object' && error !== null && 'syscall' in error;

/** What the system's codes mean to the one who has to do something about them. */
const MEANING: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'a name in the path is too long for the file system',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'there is a file of that name, not a folder',
  ENOENT: 'a part of the path does not exist',
  ELOOP: 'links lead in a circle',
  EMFILE: 'too many files are open',
  EIO: 'the disk reports an error',
};

/** Why something could not be read or written, in words, with the system's own code. */
export function whyNot(error: Error): string {
  const code = isSystemError(error) ? (error.code ?? '') : '';
  return code in MEANING ? `${MEANING[code]} (${code})` : error.message;
}
