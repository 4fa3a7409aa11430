import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import dcmjs from 'dcmjs';
import { storedSlice, type NaturalizedInstance } from '../src/ct';
import {
  decodeFrame,
  naturalize,
  parsePart10,
  pixelFormatOf,
  type DerivedInstance,
  type ParsedInstance,
} from '../src/dicom';
import { DenoiseError } from '../src/notices';
import {
  describeReason,
  DicomWebClient,
  earlierMoment,
  isStored,
  NoAnswer,
  ReadRefused,
  resumeStore,
  storeInstances,
  stringValue,
  type DicomJson,
  type DicomWebOptions,
  type StoreReport,
} from '../src/store';
import { fileJournal, sessionName } from '../src/store/node';
import type { SourceSpec } from './arguments';
import { lockSeries, SeriesBusy, SeriesLost, type SeriesLock } from './lock';
import { groupBySeries, SourceError, type Listing, type SourceInstance } from './source';
import {
  isSystemError,
  TargetError,
  whyNot,
  type DerivedSeries,
  type ExpectedInstance,
  type SeriesTarget,
  type StoreOutcome,
  type Target,
} from './target';

/** As OHIF does with the metadata of its DICOMweb data source. */
const { naturalizeDataset } = dcmjs.data.DicomMetaDictionary as unknown as {
  naturalizeDataset(dataset: DicomJson): NaturalizedInstance;
};

/** @param authorization value of the Authorization header; from the environment, because a command line is public */
export function dicomWebOptions(
  root: string,
  authorization: string | undefined,
  timeoutMs: number | null = null,
): DicomWebOptions {
  const headers = () => (authorization ? { Authorization: authorization } : {}) as Record<string, string>;
  return {
    roots: { qido: root, wado: root, stow: root },
    headers,
    ...(timeoutMs !== null && { timeoutMs }),
  };
}

/** The CT series of a study, or one series of any modality. @throws SourceError, the signal's reason */
export async function listDicomWeb(
  { root, study, series }: Extract<SourceSpec, { kind: 'dicomweb' }>,
  options: DicomWebOptions,
  signal?: AbortSignal,
  onWait: (what: string, seconds: number) => void = () => undefined,
): Promise<Listing> {
  const client = new DicomWebClient(options);
  try {
    const uids =
      series === null
        ? await told(ctSeriesOf(client, study, signal), 'the list of series', onWait)
        : [series];
    const instances: SourceInstance[] = [];
    for (const [index, uid] of uids.entries()) {
      const what = `the metadata of series ${index + 1} of ${uids.length}`;
      for (const row of await told(client.metadata(study, uid, signal), what, onWait))
        instances.push(sourceInstance(client, row));
    }
    return { series: groupBySeries(instances), unreadable: [], ignored: [] };
  } catch (cause) {
    signal?.throwIfAborted();
    if (!(cause instanceof NoAnswer) && !(cause instanceof ReadRefused)) throw cause;
    throw new SourceError(`${root}: ${cause.message}`, { cause });
  }
}

/** Says every second that an answer is still to come. */
async function told<T>(
  answer: Promise<T>,
  what: string,
  onWait: (what: string, seconds: number) => void,
): Promise<T> {
  const from = performance.now();
  const timer = setInterval(() => onWait(what, Math.round((performance.now() - from) / 1000)), 1000);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
  }
}

async function ctSeriesOf(client: DicomWebClient, study: string, signal?: AbortSignal): Promise<string[]> {
  const rows = await client.search(`studies/${study}/series`, ['00080060'], signal);
  return rows
    .filter(row => stringValue(row, '00080060') === 'CT')
    .flatMap(row => stringValue(row, '0020000E') ?? []);
}

function sourceInstance(client: DicomWebClient, row: DicomJson): SourceInstance {
  const instance = naturalizeDataset(row);
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = instance;
  return {
    instance,
    async read(signal) {
      try {
        return await client.instance(StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, signal);
      } catch (cause) {
        signal?.throwIfAborted();
        if (!(cause instanceof NoAnswer) && !(cause instanceof ReadRefused)) throw cause;
        throw new DenoiseError(
          {
            kind: 'fault',
            code: 'source-unavailable',
            sopInstanceUid: SOPInstanceUID,
            detail: cause.message,
          },
          { cause },
        );
      }
    },
  };
}

/**
 * A DICOMweb archive. The journal is a folder in `state`, one session for each derived series and archive, so that the same command run again finds
 * what the last one left.
 */
export function dicomWebTarget(options: DicomWebOptions, state: string): Target {
  return {
    async open(series) {
      const sessionId = `${series.seriesInstanceUid}@${options.roots.stow}`;
      let lock: SeriesLock | null = null;
      try {
        // Patients' images: for this user only, whatever the umask.
        await mkdir(state, { recursive: true, mode: 0o700 });
        lock = await lockSeries(join(state, `${sessionName(sessionId)}.lock`));
        return await opened(options, state, sessionId, series, lock);
      } catch (cause) {
        await lock?.release();
        if (cause instanceof NoAnswer || cause instanceof ReadRefused)
          throw new TargetError(`${options.roots.qido}: ${cause.message}`, { cause });
        if (!(cause instanceof SeriesBusy) && isSystemError(cause))
          throw new TargetError(`The journal (--state) cannot be written: ${whyNot(cause)}`, { cause });
        throw cause;
      }
    },
  };
}

async function opened(
  options: DicomWebOptions,
  state: string,
  sessionId: string,
  { studyInstanceUid, seriesInstanceUid }: DerivedSeries,
  lock: SeriesLock,
): Promise<SeriesTarget> {
  const client = new DicomWebClient(options);
  const journal = fileJournal(state);
  const existing = await client.listInstances(studyInstanceUid, seriesInstanceUid);
  const interrupted = (await journal.sessions()).some(({ id }) => id === sessionId);
  const entries = interrupted ? await journal.entries(sessionId) : [];
  // What was stored and is no longer listed has to be made again.
  const journaled = entries.filter(entry => !isStored(entry) || existing.has(entry.sopInstanceUid));
  const uids = { studyInstanceUid, seriesInstanceUid };
  return {
    existingUids: existing,
    journaledUids: new Set(journaled.map(({ sopInstanceUid }) => sopInstanceUid)),
    seriesMoment: await earlierMoment({ server: options, journal, sessionId, ...uids }),
    isIntact: instance => isIntact(client, studyInstanceUid, instance),
    hasSamePixels: derived => hasSamePixels(client, derived),
    async store(instances, expected, signal): Promise<StoreOutcome> {
      const fence = fenced(options, lock);
      const stop = AbortSignal.any([signal, fence.lost]);
      const common = { server: fence.options, journal, signal: stop, expected };
      try {
        const outcome = outcomeOf(
          entries.length > 0
            ? await resumeStore(sessionId, common, instances)
            : await storeInstances(instances, { ...common, studyInstanceUid, sessionId }),
        );
        return fence.lost.aborted ? { ...outcome, notice: LOST } : outcome;
      } catch (error) {
        const notice = error instanceof DenoiseError ? error.notice : null;
        if (notice?.code !== 'store-journal') throw error;
        // What was sent so far is found again by its UIDs.
        return { written: 0, failed: [], notice, store: null };
      }
    },
    close: () => lock.release(),
  };
}

const LOST = { kind: 'fault', code: 'store-journal', what: new SeriesLost().message } as const;

/** Requests that change the archive are made only while the series is this run's; the first that is not ends the store. */
function fenced(options: DicomWebOptions, lock: SeriesLock): { options: DicomWebOptions; lost: AbortSignal } {
  const lost = new AbortController();
  const send = options.fetch ?? fetch;
  const guarded: typeof fetch = async (input, init) => {
    if (init?.method === 'POST')
      await lock.assertHeld().catch((error: unknown) => {
        lost.abort(error);
        throw error;
      });
    return send(input, init);
  };
  return { options: { ...options, fetch: guarded }, lost: lost.signal };
}

function outcomeOf(report: StoreReport): StoreOutcome {
  const failed = report.instances.filter(({ outcome }) => outcome === 'failed');
  return {
    written: report.stored + report.alreadyThere,
    failed: failed.map(({ sopInstanceUid, reason }) => ({
      sopInstanceUid,
      reason: reason ? describeReason(reason) : '',
    })),
    notice: report.notice,
    store: report,
  };
}

/** `hasSamePixels` compares the image itself, for a sample; this checks only what needs no computing. */
async function isIntact(
  client: DicomWebClient,
  studyInstanceUid: string,
  expected: ExpectedInstance,
): Promise<boolean> {
  const { seriesInstanceUid, sopInstanceUid, pixels } = expected;
  try {
    const parsed = parsePart10(await client.instance(studyInstanceUid, seriesInstanceUid, sopInstanceUid));
    const { SOPInstanceUID, SeriesInstanceUID } = naturalize(parsed);
    const { stored } = await decodeFrame(parsed);
    return (
      SOPInstanceUID === sopInstanceUid && SeriesInstanceUID === seriesInstanceUid && stored.length === pixels
    );
  } catch {
    return false;
  }
}

async function hasSamePixels(client: DicomWebClient, derived: DerivedInstance): Promise<boolean> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, part10 } = derived;
  try {
    const archived = await client.instance(studyInstanceUid, seriesInstanceUid, sopInstanceUid);
    return await samePixels(parsePart10(archived), parsePart10(part10));
  } catch (cause) {
    if (cause instanceof DenoiseError) return false;
    if (!(cause instanceof NoAnswer) && !(cause instanceof ReadRefused)) throw cause;
    throw new TargetError(cause.message, { cause });
  }
}

/**
 * Processors of two kinds add up in another order, and what is rounded to HU then differs by one here and there: under the same UIDs, because both
 * are `cpu`. More is another image.
 */
async function samePixels(one: ParsedInstance, other: ParsedInstance): Promise<boolean> {
  const [p, q] = await Promise.all(
    [one, other].map(async parsed =>
      storedSlice((await decodeFrame(parsed)).stored, pixelFormatOf(parsed.dataset)),
    ),
  );
  const { slope, intercept } = p!.modality;
  if (slope !== q!.modality.slope || intercept !== q!.modality.intercept) return false;
  const steps = Math.max(1, Math.ceil(1 / Math.abs(slope)));
  const { stored } = q!;
  return p!.stored.length === stored.length && p!.stored.every((v, i) => Math.abs(v - stored[i]!) <= steps);
}
