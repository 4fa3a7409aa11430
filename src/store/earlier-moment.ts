import { seriesMomentOf, type SeriesMoment } from '../dicom';
import { DicomWebClient, NoAnswer, ReadRefused, type DicomWebOptions } from './dicomweb';
import type { JournalStore } from './journal';

export interface EarlierStore {
  readonly server: DicomWebOptions;
  readonly journal: JournalStore;
  readonly sessionId: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly signal?: AbortSignal;
}

/**
 * Series Date and Time of what an earlier store of this series left, in the journal or in the archive: what is added to the series must say the
 * same. Null when nothing is left, or it cannot be had now (the store that follows tells what is wrong with the archive).
 * @throws the signal's reason, the journal's errors
 */
export async function earlierMoment(earlier: EarlierStore): Promise<SeriesMoment | null> {
  return (await inJournal(earlier)) ?? (await inArchive(earlier));
}

async function inJournal({ journal, sessionId }: EarlierStore): Promise<SeriesMoment | null> {
  if (!(await journal.sessions()).some(({ id }) => id === sessionId)) return null;
  for (const { sopInstanceUid } of await journal.entries(sessionId)) {
    const file = await journal.file(sessionId, sopInstanceUid).catch(() => null);
    const moment = file && seriesMomentOf(new Uint8Array(await file.arrayBuffer()));
    if (moment) return moment;
  }
  return null;
}

async function inArchive(earlier: EarlierStore): Promise<SeriesMoment | null> {
  const { server, studyInstanceUid, seriesInstanceUid, signal } = earlier;
  // Not with the patience of a store, which asks again.
  const client = new DicomWebClient({ ...server, readAttempts: 2 });
  try {
    const [first] = await client.listInstances(studyInstanceUid, seriesInstanceUid, signal);
    if (first === undefined) return null;
    return seriesMomentOf(await client.instance(studyInstanceUid, seriesInstanceUid, first, signal));
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NoAnswer || error instanceof ReadRefused) return null;
    throw error;
  }
}
