import { DenoiseError } from '../../src/notices';
import type { DicomWebOptions } from '../../src/store';
import { noticeOf } from '../tell';
import {
  pickFolder,
  resumeToArchive,
  saveFolder,
  saveToArchive,
  saveZip,
  type ExportContext,
} from './exports';
import type { Run } from './run';
import type { SaveOutcome, SaveState, SaveTarget, UnfinishedStore } from './save-state';
import { UnfinishedStores } from './unfinished';

/** Which series `SaveState` speaks of, as it was when saving began. */
interface SaveSubject {
  /** Null for a store that an earlier visit left unfinished. */
  readonly run: Run | null;
  /** The source's description, and the strength. */
  readonly label: string;
  readonly strength: number;
}

export type SaverEvent =
  | { readonly kind: 'save-changed' }
  /** The archive has instances of these series of the study. */
  | {
      readonly kind: 'stored';
      readonly studyInstanceUid: string;
      readonly seriesInstanceUids: readonly string[];
    };

/** Saves one series at a time, to a ZIP, a folder or the archive, with progress and a final report; and knows which stores are unfinished. */
export class Saver {
  state: SaveState = { kind: 'idle' };
  subject: SaveSubject | null = null;
  /** Why the files of the present save have only what the viewer knew of their headers; null when they have all. */
  bare: string | null = null;
  /** Stores to the present archive that stopped half-way, in this browser; not those that another tab is working on. */
  unfinished: readonly UnfinishedStore[] = [];
  private readonly stores = new UnfinishedStores();
  private abort: AbortController | null = null;
  /** Settles when the present save has come to its end. */
  private ended: Promise<unknown> = Promise.resolve();

  constructor(
    /** Null when the active data source is no DICOMweb server. */
    private readonly archive: () => DicomWebOptions | null,
    private readonly emit: (event: SaverEvent) => void,
  ) {}

  get busy(): boolean {
    return this.state.kind === 'working';
  }

  get canStore(): boolean {
    return this.archive() !== null;
  }

  /** @throws DenoiseError `no-archive`, `no-folder-access` */
  async save(run: Run, target: SaveTarget): Promise<void> {
    const subject = { run, strength: run.strength, label: labelOf(run) };
    const total = run.source.slices.length;
    /** What the guard forbids is not written. */
    const guarded = async (context: ExportContext, write: () => Promise<SaveOutcome>) => {
      await run.guard.allow(context.strength, context.signal);
      return write();
    };
    if (target === 'zip')
      return this.work('zip', subject, total, context => guarded(context, () => saveZip(run, context)));
    if (target === 'folder') {
      const folder = await this.pick(subject);
      if (!folder) return;
      return this.work('folder', subject, total, context =>
        guarded(context, () => saveFolder(run, folder, context)),
      );
    }
    if (!this.canStore) throw new DenoiseError({ kind: 'refusal', code: 'no-archive' });
    await this.work('store', subject, total, context =>
      guarded(context, () => saveToArchive(run, subject.label, this.stores, context)),
    );
    await this.findUnfinished();
  }

  /** Sends what an earlier store left in the journal. */
  async resume(sessionId: string): Promise<void> {
    const session = this.unfinished.find(({ id }) => id === sessionId);
    if (!session) return;
    const subject = { run: null, strength: 1, label: session.label || 'Series' };
    await this.work('store', subject, session.expected, context =>
      resumeToArchive(session, this.stores, context),
    );
    await this.findUnfinished();
  }

  /** @throws DenoiseError `store-journal` */
  async discard(sessionId: string): Promise<void> {
    await this.stores.discard(sessionId);
    await this.findUnfinished();
  }

  async findUnfinished(): Promise<void> {
    this.unfinished = await this.stores.list(this.archive()?.roots.stow);
    this.emit({ kind: 'save-changed' });
  }

  cancel(): void {
    this.abort?.abort();
  }

  /** What was told of the last save has been read. */
  dismiss(): void {
    if (this.busy) return;
    this.subject = null;
    this.set({ kind: 'idle' });
  }

  /** This run is about to be closed: stops saving it, and forgets what was told of it. */
  async abandon(run: Run): Promise<void> {
    if (this.subject?.run !== run) return;
    this.cancel();
    await this.ended;
    this.subject = null;
    this.set({ kind: 'idle' });
  }

  private async pick(subject: SaveSubject): Promise<FileSystemDirectoryHandle | null> {
    try {
      return await pickFolder();
    } catch (error) {
      const notice = noticeOf(error);
      if (notice.kind === 'refusal') throw error;
      this.subject = subject;
      this.set({ kind: 'failed', notice });
      return null;
    }
  }

  private work(
    target: SaveTarget,
    subject: SaveSubject,
    total: number,
    act: (context: ExportContext) => Promise<SaveOutcome>,
  ): Promise<void> {
    if (this.busy) return Promise.resolve();
    const abort = new AbortController();
    const { signal } = abort;
    this.abort = abort;
    this.subject = subject;
    this.bare = null;
    this.set({ kind: 'working', target, done: 0, total, store: null });
    const context: ExportContext = {
      server: this.archive(),
      strength: subject.strength,
      signal,
      onBare: why => (this.bare ??= why),
      progress: (done, of, store = undefined) => {
        if (this.busy) this.set({ kind: 'working', target, done, total: of, store: store ?? null });
      },
    };
    const work = (async () => {
      try {
        this.end(await act(context));
      } catch (error) {
        const notice = signal.aborted
          ? ({ kind: 'fault', code: 'save-cancelled', what: target } as const)
          : noticeOf(error);
        this.set({ kind: 'failed', notice });
      } finally {
        this.abort = null;
      }
    })();
    this.ended = work;
    return work;
  }

  private end(outcome: SaveOutcome): void {
    if (this.subject?.run && isWhole(outcome)) this.subject.run.saved = true;
    this.set(outcome);
    if (outcome.kind !== 'stored') return;
    const { studyInstanceUid, instances } = outcome.report;
    const arrived = instances.filter(one => one.outcome !== 'failed' && one.outcome !== 'pending');
    const seriesInstanceUids = [...new Set(arrived.map(one => one.seriesInstanceUid))];
    this.emit({ kind: 'stored', studyInstanceUid, seriesInstanceUids });
  }

  private set(state: SaveState): void {
    this.state = state;
    this.emit({ kind: 'save-changed' });
  }
}

/** Has the whole series left the browser? */
function isWhole(outcome: SaveOutcome): boolean {
  switch (outcome.kind) {
    case 'zipped':
      return true;
    case 'written':
      return outcome.report.notice === null;
    case 'stored':
      return outcome.report.outcome === 'done';
    default:
      return false;
  }
}

const labelOf = (run: Run): string => `${run.description}, ${Math.round(run.strength * 100)} %`;
