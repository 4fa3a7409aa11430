import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import type {
  DicomWebOptions,
  DicomWebRoots,
  FolderReport,
  JournalSession,
  JournalStore,
  StoreProgress,
  StoreReport,
} from '../../src/store';
import type { DataSource } from '../ohif';
import type { Run } from './run';

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

/** Which series `SaveState` speaks of, as it was when saving began. */
export interface SaveSubject {
  /** Null for a store that an earlier visit left unfinished. */
  readonly run: Run | null;
  /** The source's description, and the strength. */
  readonly label: string;
}

export interface SaverHost {
  readonly dataSource: DataSource;
  authorizationHeader(): Record<string, string>;
  /** The archive has a new series of this study: list it. */
  stored(studyInstanceUid: string, seriesInstanceUid: string): Promise<void>;
  changed(): void;
}

/** Gets a denoised series out of the viewer: ZIP, folder or archive; one at a time, with progress and a final report. */
export class Saver {
  state: SaveState = { kind: 'idle' };
  subject: SaveSubject | null = null;
  /** Stores to the present archive that stopped half-way, in this browser; not those that another tab is at. */
  unfinished: readonly JournalSession[] = [];
  private journal: Promise<JournalStore> | null = null;
  private abort: AbortController | null = null;
  /** Settles when what is being saved has come to its end. */
  private ended: Promise<unknown> = Promise.resolve();

  constructor(private readonly host: SaverHost) {}

  get busy(): boolean {
    return this.state.kind === 'working';
  }

  /** Null when the active data source is no DICOMweb server. */
  get server(): DicomWebOptions | null {
    const roots = rootsOf(this.host.dataSource);
    return roots && { roots, headers: () => this.host.authorizationHeader() };
  }

  async findUnfinished(): Promise<void> {
    const { server } = this;
    try {
      const elsewhere = await sessionsAtWork();
      const sessions = await (await this.openJournal()).sessions();
      this.unfinished = sessions.filter(
        ({ id, target }) => target === server?.roots.stow && !elsewhere.has(id),
      );
    } catch {
      // A journal that cannot be read has nothing to offer; storing tells what is wrong with it.
      this.unfinished = [];
    }
    this.host.changed();
  }

  async zip(run: Run): Promise<void> {
    const { strength } = run;
    const total = run.source.slices.length;
    await this.work('zip', subjectOf(run), total, async signal => {
      const { derivedInstances, zipBlob } = await saveTools();
      const blob = await zipBlob(derivedInstances(run, { strength, server: this.server, signal }), {
        signal,
        onProgress: files => this.step(files, total),
      });
      const name = `${fileNameOf(run)}.zip`;
      download(blob, name);
      return { kind: 'zipped', files: total, bytes: blob.size, name };
    });
  }

  /**
   * Asks for a folder first: the browser wants that within the click.
   * @throws DenoiseError `no-folder-access`
   */
  async folder(run: Run): Promise<void> {
    const pick = window.showDirectoryPicker;
    if (!pick) throw new DenoiseError({ kind: 'refusal', code: 'no-folder-access' });
    const { strength } = run;
    const subject = subjectOf(run);
    let folder: FileSystemDirectoryHandle;
    try {
      folder = await pick.call(window, { mode: 'readwrite' });
    } catch (error) {
      // The user closed the dialogue.
      if ((error as DOMException).name === 'AbortError') return;
      const { whyNotWritten } = await saveTools();
      this.subject = subject;
      const notice: Fault = { kind: 'fault', code: 'save-folder', what: whyNotWritten(error) };
      return this.set({ kind: 'failed', notice });
    }
    const expected = run.source.slices.length;
    await this.work('folder', subject, expected, async signal => {
      const { derivedInstances, writeToFolder } = await saveTools();
      const instances = derivedInstances(run, { strength, server: this.server, signal });
      const report = await writeToFolder(folder, instances, {
        expected,
        signal,
        onProgress: files => this.step(files, expected),
      });
      // Its own notice speaks of denoising.
      signal.throwIfAborted();
      return { kind: 'written', report, folder: folder.name };
    });
  }

  /** @throws DenoiseError `no-archive` */
  async store(run: Run): Promise<void> {
    const { server } = this;
    if (!server) throw new DenoiseError({ kind: 'refusal', code: 'no-archive' });
    const { strength } = run;
    const subject = subjectOf(run);
    const expected = run.source.slices.length;
    await this.work('store', subject, expected, async signal => {
      const { derivedInstances, derivedSeriesUid, earlierMoment, resumeStore, storeInstances } =
        await saveTools();
      const { studyInstanceUid } = run.source;
      const seriesInstanceUid = derivedSeriesUid(run, strength);
      // The same for the same series, so that Store takes up what was cut off, also by a reload.
      const sessionId = `${seriesInstanceUid}@${server.roots.stow}`;
      return alone(sessionId, signal, async () => {
        const journal = await this.openJournal();
        const onProgress = (progress: StoreProgress) => this.progress(progress);
        const options = { server, journal, signal, onProgress };
        const series = { studyInstanceUid, seriesInstanceUid };
        const seriesMoment = await earlierMoment({ server, journal, sessionId, ...series, signal });
        const instances = derivedInstances(run, { strength, server, signal, seriesMoment });
        const begun = (await journal.sessions()).some(({ id }) => id === sessionId);
        const report = begun
          ? await resumeStore(sessionId, { ...options, expected }, instances)
          : await storeInstances(instances, {
              ...options,
              sessionId,
              studyInstanceUid,
              expected,
              label: subject.label,
            });
        return this.report(report);
      });
    });
    await this.findUnfinished();
  }

  /** Sends what an earlier store left in the journal. */
  async resume(sessionId: string): Promise<void> {
    const { server } = this;
    const session = this.unfinished.find(({ id }) => id === sessionId);
    if (!server || !session) return;
    const subject = { run: null, label: session.label || 'Series' };
    await this.work('store', subject, session.expected, signal =>
      alone(sessionId, signal, async () => {
        const { resumeStore } = await saveTools();
        const journal = await this.openJournal();
        // Another tab may have finished it since it was listed.
        if (!(await journal.sessions()).some(({ id }) => id === sessionId)) return { kind: 'idle' };
        const onProgress = (progress: StoreProgress) => this.progress(progress);
        return this.report(await resumeStore(sessionId, { server, journal, signal, onProgress }));
      }),
    );
    await this.findUnfinished();
  }

  async discard(sessionId: string): Promise<void> {
    await (await this.openJournal()).remove(sessionId);
    await this.findUnfinished();
  }

  cancel(): void {
    this.abort?.abort();
  }

  /** This run is about to be closed: stops saving it, and forgets what was told of it. */
  async abandon(run: Run): Promise<void> {
    if (this.subject?.run !== run) return;
    this.cancel();
    await this.ended;
    this.subject = null;
    this.set({ kind: 'idle' });
  }

  private async report(report: StoreReport): Promise<SaveState> {
    const { describeReason } = await saveTools();
    const reasons = report.instances.flatMap(({ outcome, reason }) =>
      outcome === 'failed' && reason ? describeReason(reason) : [],
    );
    const series = new Set(
      report.instances
        .filter(({ outcome }) => outcome !== 'failed' && outcome !== 'pending')
        .map(instance => instance.seriesInstanceUid),
    );
    for (const uid of series) await this.host.stored(report.studyInstanceUid, uid);
    return { kind: 'stored', report, reasons: [...new Set(reasons)] };
  }

  private work(
    target: SaveTarget,
    subject: SaveSubject,
    total: number,
    act: (signal: AbortSignal) => Promise<SaveState>,
  ): Promise<void> {
    if (this.busy) return Promise.resolve();
    const abort = new AbortController();
    this.abort = abort;
    this.subject = subject;
    this.set({ kind: 'working', target, done: 0, total, store: null });
    const work = (async () => {
      window.addEventListener('beforeunload', askBeforeLeaving);
      try {
        this.set(await act(abort.signal));
      } catch (error) {
        this.set({ kind: 'failed', notice: noticeOf(error, abort.signal, target) });
      } finally {
        window.removeEventListener('beforeunload', askBeforeLeaving);
        this.abort = null;
      }
    })();
    this.ended = work;
    return work;
  }

  private step(done: number, total: number): void {
    if (this.state.kind === 'working') this.set({ ...this.state, done, total });
  }

  private progress(store: StoreProgress): void {
    if (this.state.kind === 'working') {
      this.set({ ...this.state, done: store.there, total: store.expected, store });
    }
  }

  private set(state: SaveState): void {
    this.state = state;
    this.host.changed();
  }

  private openJournal(): Promise<JournalStore> {
    this.journal ??= saveTools().then(({ indexedDbJournal }) => indexedDbJournal());
    this.journal.catch(() => (this.journal = null));
    return this.journal;
  }
}

function saveTools() {
  return import('./save-tools');
}

/** Why saving ended; what is neither cancelled nor foreseen is a mistake of ours, and is told as such. */
function noticeOf(error: unknown, signal: AbortSignal, target: SaveTarget): Fault | Refusal {
  if (signal.aborted) return { kind: 'fault', code: 'save-cancelled', what: target };
  if (error instanceof DenoiseError) return error.notice;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'fault', code: 'internal', detail };
}

/** The browser asks whether the page may be left. */
function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

const LOCK = 'iscl-store ';

/**
 * Runs `act` while no other tab is at the same store: two would take each other's files away. Pages over plain HTTP have no Web Locks; there the
 * second tab says that it failed, and the first goes on.
 */
async function alone(
  sessionId: string,
  signal: AbortSignal,
  act: () => Promise<SaveState>,
): Promise<SaveState> {
  if (!navigator.locks) return act();
  return await navigator.locks.request(`${LOCK}${sessionId}`, { signal }, act);
}

async function sessionsAtWork(): Promise<Set<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.flatMap(({ name }) => (name?.startsWith(LOCK) ? name.slice(LOCK.length) : [])));
}

/** As the run is now. */
function subjectOf(run: Run): SaveSubject {
  const series = run.source.displaySet.SeriesDescription ?? 'CT';
  return { run, label: `${series}, ${Math.round(run.strength * 100)} %` };
}

/** DICOMweb roots of a data source, absolute; null for one that is not on a server (local files, DICOM JSON). */
function rootsOf(dataSource: DataSource): DicomWebRoots | null {
  const config = dataSource.getConfig?.();
  const { wadoRoot, qidoRoot = wadoRoot, stowRoot = wadoRoot } = config ?? {};
  if (!wadoRoot || !qidoRoot || !stowRoot) return null;
  const absolute = (root: string) => new URL(root, window.location.href).href.replace(/\/$/, '');
  return { wado: absolute(wadoRoot), qido: absolute(qidoRoot), stow: absolute(stowRoot) };
}

function fileNameOf(run: Run): string {
  const series = run.source.displaySet.SeriesDescription ?? 'CT';
  return `${series} ISCL denoised`.replace(/[^\w. -]+/g, '_').trim();
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the blob once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
