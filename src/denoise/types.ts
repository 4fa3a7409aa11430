import type { CtSeries, Verdict } from '../ct';
import type { Engine, EngineInfo, PrepareProgress } from '../engine';
import type { Fault, Refusal } from '../notices';

export type JobState =
  'idle' | 'checking' | 'loading' | 'testing' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed';

/** The full-strength denoised slice, kept once, row-major. Never changed after it is handed out. */
export interface DenoisedSlice {
  readonly sopInstanceUid: string;
  readonly rows: number;
  readonly columns: number;
  /** Whole HU where the source holds no others and 16 bits hold them; float32 elsewhere. */
  readonly hu: Int16Array | Float32Array;
  /** Which provider computed it (a fallback half-way leaves a series with two; the derivation says so slice by slice). */
  readonly provider: EngineInfo['provider'];
  /** Its share of the inference's wall time. */
  readonly ms: number;
  /** What the model read for it: n slices by SOP Instance UID, and which of the outputs it is; null for a model of single slices. */
  readonly slab: { readonly inputs: readonly string[]; readonly output: number } | null;
}

export interface JobProgress {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  /** Median of the last slices' wall time, loading included; null before the first. */
  readonly msPerSlice: number | null;
  /** For what is left; null before the first slice and when nothing runs. */
  readonly secondsLeft: number | null;
}

/** Everything a panel shows; a new object at every change. */
export interface JobSnapshot {
  readonly state: JobState;
  readonly verdict: Verdict | null;
  readonly engine: EngineInfo | null;
  /** What `loading` is busy with. */
  readonly preparing: PrepareProgress | null;
  readonly progress: JobProgress;
  /** Why the state is `failed`: one notice, or every reason of the refusal. */
  readonly reasons: readonly (Fault | Refusal)[];
}

export type JobEvent =
  | { readonly kind: 'changed'; readonly snapshot: JobSnapshot }
  | { readonly kind: 'slice'; readonly slice: DenoisedSlice }
  /** One slice did not work; the others go on. `start()` after the end tries it again. */
  | { readonly kind: 'slice-failed'; readonly sopInstanceUid: string; readonly fault: Fault }
  /** The engine broke and repairs itself. */
  | { readonly kind: 'engine-restarting'; readonly fault: Fault; readonly next: EngineInfo['provider'] };

export interface DenoiseJobOptions {
  readonly series: CtSeries;
  readonly engine: Engine;
  /** Results of the whole series must fit (2 bytes a pixel, or 4 where HU of the source may be fractions or lie beyond 16 bits); default 1 GiB. */
  readonly memoryBudgetBytes?: number;
  /**
   * False: each result goes out with its event and is forgotten, so a series of any length fits; `result` gives null, and `request` and
   * `whenDone` are of use only before a slice is done. Default true.
   */
  readonly keepResults?: boolean;
  /** SOP Instance UIDs of the slices to be denoised; the others serve as neighbours. Default all. */
  readonly only?: Iterable<string>;
  /** SOP Instance UID of the slice on screen; default the middle one. */
  readonly focus?: string;
  /**
   * Awaited once, after the first slice of the job is out: a viewer draws it before the next computation takes the processor. Must not
   * reject, and must end by itself.
   */
  readonly afterFirst?: () => Promise<void>;
  /**
   * The engine is given the slab after the one it is at, so that it never waits for this side. For a batch: where somebody scrolls, what he looks at would
   * have to wait for two slabs. Default false.
   */
  readonly computeAhead?: boolean;
}

/**
 * Denoises one series, slab by slab (`planSlabs`: of one slice, or of as many as the model gives at once). The states and events are a table (`states.ts`); an event the state does not know throws
 * IllegalTransition.
 */
export interface DenoiseJobHandle {
  readonly snapshot: JobSnapshot;
  /**
   * From idle, cancelled, failed or done-with-failures: check, load, test, run what is not there yet. Resolves when the job comes to
   * rest in done, cancelled or failed, and never rejects: the snapshot holds the outcome. Throws at once when start is illegal or the job is
   * disposed.
   */
  start(): Promise<JobSnapshot>;
  /** Stop after the slab in hand; results stay; `start()` goes on from there. Pending requests reject with `cancelled`. */
  cancel(): void;
  /** Start no new slab; a `request` is still served. */
  pause(): void;
  resume(): void;
  /** The slice on screen: what is left is done outward from it, first to the side it was scrolled to. Unknown UIDs throw RangeError. */
  focus(sopInstanceUid: string): void;
  /**
   * This slice next, before all others, also while paused; resolves with its result (at once when it is there). Before `start()` it waits
   * for it. Rejects with a DenoiseError when the slice or the job fails or is cancelled, or with the signal's reason.
   */
  request(sopInstanceUid: string, signal?: AbortSignal): Promise<DenoisedSlice>;
  /** The same, without priority: resolves when the slice's turn comes. A slice that failed rejects until `start()` tries it again. */
  whenDone(sopInstanceUid: string, signal?: AbortSignal): Promise<DenoisedSlice>;
  result(sopInstanceUid: string): DenoisedSlice | null;
  /** The listener is called with the snapshot at once, then at every event. */
  subscribe(listener: (event: JobEvent) => void): () => void;
  /** Cancels, frees the results and forgets the listeners. Does not dispose the engine. */
  dispose(): void;
}
