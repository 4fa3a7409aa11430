import type { Fault, Refusal } from '../../src/notices';
import type { FolderReport, JournalSession, StoreProgress, StoreReport } from '../../src/store';

export type SaveTarget = 'zip' | 'folder' | 'store';

export type SaveState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'working';
      readonly target: SaveTarget;
      readonly done: number;
      readonly total: number;
      readonly store: StoreProgress | null;
    }
  | { readonly kind: 'zipped'; readonly files: number; readonly bytes: number; readonly name: string }
  | { readonly kind: 'written'; readonly report: FolderReport; readonly folder: string }
  /** `reasons`: why the archive lacks instances, in sentences, each once. */
  | { readonly kind: 'stored'; readonly report: StoreReport; readonly reasons: readonly string[] }
  | { readonly kind: 'failed'; readonly notice: Fault | Refusal };

/** How a save ends. */
export type SaveOutcome = Exclude<SaveState, { kind: 'working' }>;

/** A store that stopped half-way, in this browser. */
export interface UnfinishedStore extends JournalSession {
  /** Instances whose files are kept in this browser and that the archive does not have. */
  readonly kept: number;
  /** Instances that the archive has. */
  readonly inArchive: number;
}
