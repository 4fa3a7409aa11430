import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import {
  indexedDbJournal,
  resumeStore,
  storeInstances,
  whyNotWritten,
  writeToFolder,
  zipBlob,
  type DicomWebOptions,
  type DicomWebRoots,
  type FolderReport,
  type JournalSession,
  type JournalStore,
  type StoreProgress,
  type StoreReport,
} from '../../src/store';
import type { DataSource } from '../ohif';
import type { Run } from './run';
import { derivedInstances } from './save';

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
  | { readonly kind: 'stored'; readonly report: StoreReport }
  | { readonly kind: 'failed'; readonly notice: Fault | Refusal };

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
  /** Stores that stopped half-way, in this browser, before this session. */
  unfinished: readonly JournalSession[] = [];
  private journal: Promise<JournalStore> | null = null;
  private abort: AbortController | null = null;
  /** The last store that did not come to its end: Store goes on with it, as long as the run and the strength are the same. */
  private broken: { readonly run: Run; readonly strength: number; readonly sessionId: string } | null = null;

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
    this.unfinished = await (await this.openJournal()).sessions();
    this.host.changed();
  }

  async zip(run: Run): Promise<void> {
    await this.work('zip', run.source.slices.length, async signal => {
      const total = run.source.slices.length;
      const blob = await zipBlob(derivedInstances(run, { server: this.server, signal }), {
        signal,
        onProgress: files => this.step(files, total),
      });
      const name = `${fileNameOf(run)}.zip`;
      download(blob, name);
      return { kind: 'zipped', files: total, bytes: blob.size, name };
    });
  }

  /** Asks for a folder first: the browser wants that within the click. */
  async folder(run: Run): Promise<void> {
    const pick = window.showDirectoryPicker;
    if (!pick) return;
    let folder: FileSystemDirectoryHandle;
    try {
      folder = await pick.call(window, { mode: 'readwrite' });
    } catch (error) {
      // The user closed the dialogue.
      if ((error as DOMException).name === 'AbortError') return;
      const notice: Fault = { kind: 'fault', code: 'save-folder', what: whyNotWritten(error) };
      return this.set({ kind: 'failed', notice });
    }
    const expected = run.source.slices.length;
    await this.work('folder', expected, async signal => {
      const report = await writeToFolder(folder, derivedInstances(run, { server: this.server, signal }), {
        expected,
        signal,
        onProgress: files => this.step(files, expected),
      });
      return { kind: 'written', report, folder: folder.name };
    });
  }

  async store(run: Run): Promise<void> {
    const { server } = this;
    if (!server) return;
    const expected = run.source.slices.length;
    const { strength } = run;
    await this.work('store', expected, async signal => {
      const journal = await this.openJournal();
      const onProgress = (progress: StoreProgress) => this.progress(progress);
      const options = { server, journal, signal, onProgress };
      const instances = derivedInstances(run, { server, signal });
      const { broken } = this;
      const again = broken?.run === run && broken.strength === strength;
      const report = again
        ? await resumeStore(broken.sessionId, options, instances)
        : await storeInstances(instances, {
            ...options,
            studyInstanceUid: run.source.studyInstanceUid,
            expected,
            label: run.source.displaySet.SeriesDescription ?? '',
          });
      this.broken = report.outcome === 'done' ? null : { run, strength, sessionId: report.sessionId };
      return this.report(report);
    });
  }

  /** Sends what an earlier store left in the journal. */
  async resume(sessionId: string): Promise<void> {
    const { server } = this;
    const session = this.unfinished.find(({ id }) => id === sessionId);
    if (!server || !session) return;
    await this.work('store', session.expected, async signal => {
      const journal = await this.openJournal();
      const onProgress = (progress: StoreProgress) => this.progress(progress);
      const report = await resumeStore(sessionId, { server, journal, signal, onProgress });
      if (report.outcome === 'done' && this.broken?.sessionId === sessionId) this.broken = null;
      return this.report(report);
    });
  }

  async discard(sessionId: string): Promise<void> {
    await (await this.openJournal()).remove(sessionId);
    if (this.broken?.sessionId === sessionId) this.broken = null;
    await this.findUnfinished();
  }

  cancel(): void {
    this.abort?.abort();
  }

  dismiss(): void {
    if (!this.busy) this.set({ kind: 'idle' });
  }

  private async report(report: StoreReport): Promise<SaveState> {
    const series = new Set(
      report.instances
        .filter(({ outcome }) => outcome !== 'failed' && outcome !== 'pending')
        .map(instance => instance.seriesInstanceUid),
    );
    for (const uid of series) await this.host.stored(report.studyInstanceUid, uid);
    this.unfinished = await (await this.openJournal()).sessions();
    return { kind: 'stored', report };
  }

  private async work(
    target: SaveTarget,
    total: number,
    act: (signal: AbortSignal) => Promise<SaveState>,
  ): Promise<void> {
    if (this.busy) return;
    const abort = new AbortController();
    this.abort = abort;
    this.set({ kind: 'working', target, done: 0, total, store: null });
    try {
      this.set(await act(abort.signal));
    } catch (error) {
      if (abort.signal.aborted) this.set({ kind: 'failed', notice: { kind: 'fault', code: 'cancelled' } });
      else if (error instanceof DenoiseError) this.set({ kind: 'failed', notice: error.notice });
      else {
        const what = error instanceof Error ? error.message : String(error);
        this.set({ kind: 'failed', notice: { kind: 'fault', code: 'save-folder', what } });
        throw error;
      }
    } finally {
      this.abort = null;
    }
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
    this.journal ??= indexedDbJournal();
    return this.journal;
  }
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
