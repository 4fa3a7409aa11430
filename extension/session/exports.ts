import { DenoiseError } from '../../src/notices';
import type { DicomWebOptions, JournalSession, StoreProgress, StoreReport } from '../../src/store';
import { qualityReport, reportHtml, type ReportFormat } from './quality-report';
import type { Run } from './run';
import type { SaveOutcome } from './save-state';
import { alone, type UnfinishedStores } from './unfinished';

/* The ways out of the viewer, each from a complete run to what became of it. `Saver` runs one at a time. */

export interface ExportContext {
  /** Where the originals' headers come from, and where a store goes; null when the data source is no DICOMweb server. */
  readonly server: DicomWebOptions | null;
  /** Of all slices of the series: the slider may move while it is being saved. */
  readonly strength: number;
  readonly signal: AbortSignal;
  progress(done: number, total: number, store?: StoreProgress): void;
  /** See DeriveOptions. */
  onBare(why: string): void;
}

export async function saveZip(run: Run, context: ExportContext): Promise<SaveOutcome> {
  const { signal } = context;
  const { derivedInstances, zipBlob } = await import('./save-tools');
  const files = run.source.slices.length;
  const blob = await zipBlob(derivedInstances(run, context), {
    signal,
    onProgress: done => context.progress(done, files),
  });
  const name = `${fileNameOf(run, context.strength)}.zip`;
  download(blob, name);
  return { kind: 'zipped', files, bytes: blob.size, name };
}

/**
 * Lets the user pick a folder, which the browser allows within a click only; null when the user picks none.
 * @throws DenoiseError `no-folder-access`, `save-folder`
 */
export async function pickFolder(): Promise<FileSystemDirectoryHandle | null> {
  const pick = window.showDirectoryPicker;
  if (!pick) throw new DenoiseError({ kind: 'refusal', code: 'no-folder-access' });
  try {
    return await pick.call(window, { mode: 'readwrite' });
  } catch (cause) {
    if ((cause as DOMException).name === 'AbortError') return null;
    const { whyNotWritten } = await import('./save-tools');
    throw new DenoiseError({ kind: 'fault', code: 'save-folder', what: whyNotWritten(cause) }, { cause });
  }
}

export async function saveFolder(
  run: Run,
  folder: FileSystemDirectoryHandle,
  context: ExportContext,
): Promise<SaveOutcome> {
  const { signal } = context;
  const { derivedInstances, writeToFolder } = await import('./save-tools');
  const expected = run.source.slices.length;
  const report = await writeToFolder(folder, derivedInstances(run, context), {
    expected,
    signal,
    onProgress: files => context.progress(files, expected),
  });
  return { kind: 'written', report, folder: folder.name };
}

/**
 * @param label names the series, should the store stay unfinished
 * @throws DenoiseError `no-archive`
 */
export async function saveToArchive(
  run: Run,
  label: string,
  stores: UnfinishedStores,
  context: ExportContext,
): Promise<SaveOutcome> {
  const { signal, server } = context;
  if (!server) throw new DenoiseError({ kind: 'refusal', code: 'no-archive' });
  const { derivedInstances, derivedSeriesUid, earlierMoment, resumeStore, storeInstances } =
    await import('./save-tools');
  const { studyInstanceUid, slices } = run.source;
  const expected = slices.length;
  const seriesInstanceUid = await derivedSeriesUid(run, context.strength);
  // The same for the same series, so that Store takes up what was cut off, also by a reload.
  const sessionId = `${seriesInstanceUid}@${server.roots.stow}`;
  return alone(sessionId, signal, async () => {
    const journal = await stores.openJournal();
    const options = { server, journal, signal, onProgress: onStoreProgress(context) };
    const seriesMoment = await earlierMoment({ ...options, sessionId, studyInstanceUid, seriesInstanceUid });
    const instances = derivedInstances(run, { ...context, seriesMoment });
    const report = (await stores.has(sessionId))
      ? await resumeStore(sessionId, { ...options, expected }, instances)
      : await storeInstances(instances, { ...options, sessionId, studyInstanceUid, expected, label });
    return stored(report);
  });
}

/** Sends what an earlier store left in the journal. */
export async function resumeToArchive(
  { id }: JournalSession,
  stores: UnfinishedStores,
  context: ExportContext,
): Promise<SaveOutcome> {
  const { signal, server } = context;
  if (!server) throw new DenoiseError({ kind: 'refusal', code: 'no-archive' });
  return alone(id, signal, async () => {
    const { resumeStore } = await import('./save-tools');
    // Another tab may have finished it since it was listed.
    if (!(await stores.has(id))) return { kind: 'idle' };
    const journal = await stores.openJournal();
    return stored(await resumeStore(id, { server, journal, signal, onProgress: onStoreProgress(context) }));
  });
}

const onStoreProgress = (context: ExportContext) => (store: StoreProgress) =>
  context.progress(store.inArchive, store.expected, store);

async function stored(report: StoreReport): Promise<SaveOutcome> {
  const { describeReason } = await import('./save-tools');
  const reasons = report.instances.flatMap(({ outcome, reason }) =>
    outcome === 'failed' && reason ? describeReason(reason) : [],
  );
  return { kind: 'stored', report, reasons: [...new Set(reasons)] };
}

/** No "%", which shells and browsers take for something else. */
function fileNameOf(run: Run, strength: number): string {
  return `${run.description} ISCL denoised ${Math.round(strength * 100)} percent`
    .replace(/[^\w. -]+/g, '_')
    .trim();
}

/** Downloads what was measured of a run, at its present strength, as a page that prints or as JSON. */
export function saveReport(run: Run, format: ReportFormat): void {
  const { engine, verdict } = run.snapshot;
  if (!engine) throw new DenoiseError({ kind: 'refusal', code: 'not-denoised' });
  const { studyInstanceUid, seriesInstanceUid, slices } = run.source;
  const { tissue, flaggedSlices } = run.residual.total();
  const report = qualityReport({
    engine,
    createdAt: new Date(),
    studyInstanceUid,
    seriesInstanceUid,
    slices: slices.length,
    strength: run.strength,
    warnings: verdict?.kind === 'accepted' ? verdict.warnings : [],
    guard: run.guard.report(run.strength),
    removed: tissue,
    flaggedSlices,
    failed: run.failed,
  });
  const [text, type] =
    format === 'html'
      ? [reportHtml(report), 'text/html']
      : [JSON.stringify(report, null, 2), 'application/json'];
  download(new Blob([text], { type }), `${fileNameOf(run, run.strength)} report.${format}`);
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
