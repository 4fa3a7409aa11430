import type { DicomWebOptions } from './dicomweb';
import type { JournalStore } from './journal';
import type { SessionState } from './states';

/** What src/dicom's `deriveInstance` gives. */
export interface StorableInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly part10: Uint8Array;
  /** SHA-256 (hex) of the value of Pixel Data. */
  readonly pixelHash: string;
}

export interface StoreProgress {
  readonly state: SessionState;
  /** What holds the run up just now. */
  readonly hold: 'waiting' | null;
  /** Instances the server has, as far as we know. */
  readonly inArchive: number;
  readonly failed: number;
  readonly expected: number;
  readonly bytesSent: number;
  /** For what is still to be sent, at the pace so far; null before the first answer and while verifying. */
  readonly secondsLeft: number | null;
}

export interface StoreOptions {
  readonly server: DicomWebOptions;
  readonly journal: JournalStore;
  readonly onProgress?: (progress: StoreProgress) => void;
  readonly signal?: AbortSignal;
  /** A request carries at most this many bytes of instances (one instance may be more); default 16 MiB. */
  readonly batchBytes?: number;
  /** Attempts for one instance, and in a row for a server that does not answer; default 5. */
  readonly attempts?: number;
}

export interface StoreSeriesOptions extends StoreOptions {
  readonly studyInstanceUid: string;
  /** How many instances the series must have. */
  readonly expected: number;
  readonly label?: string;
  readonly sessionId?: string;
}

export interface ResumeOptions extends StoreOptions {
  /** How many instances the series must have now, where that is known; absent: as many as when the session began. */
  readonly expected?: number;
}
