import dcmjs from 'dcmjs';
import type { NaturalizedInstance } from '../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../src/dicom';
import { DenoiseError } from '../src/notices';
import {
  describeReason,
  DicomWebClient,
  NoAnswer,
  ReadRefused,
  resumeStore,
  storeInstances,
  stringValue,
  type DicomJson,
  type DicomWebOptions,
} from '../src/store';
import { fileJournal } from '../src/store/node';
import type { SourceSpec } from './arguments';
import { groupBySeries, SourceError, type Listing, type SourceInstance } from './source';
import {
  TargetError,
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
export function dicomWebOptions(root: string, authorization: string | undefined): DicomWebOptions {
  const headers = () => (authorization ? { Authorization: authorization } : {}) as Record<string, string>;
  return { roots: { qido: root, wado: root, stow: root }, headers };
}

/** The CT series of a study, or one series of any modality. @throws SourceError, the signal's reason */
export async function listDicomWeb(
  { root, study, series }: Extract<SourceSpec, { kind: 'dicomweb' }>,
  options: DicomWebOptions,
  signal?: AbortSignal,
): Promise<Listing> {
  const client = new DicomWebClient(options);
  try {
    const uids = series === null ? await ctSeriesOf(client, study, signal) : [series];
    const instances: SourceInstance[] = [];
    for (const uid of uids) {
      for (const row of await client.metadata(study, uid, signal))
        instances.push(sourceInstance(client, row));
    }
    return { series: groupBySeries(instances), unreadable: [], ignored: 0 };
  } catch (cause) {
    signal?.throwIfAborted();
    if (!(cause instanceof NoAnswer) && !(cause instanceof ReadRefused)) throw cause;
    throw new SourceError(`${root}: ${cause.message}`, { cause });
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
  const client = new DicomWebClient(options);
  const journal = fileJournal(state);
  return {
    async open(series: DerivedSeries): Promise<SeriesTarget> {
      const { studyInstanceUid, seriesInstanceUid } = series;
      const sessionId = `${seriesInstanceUid}@${options.roots.stow}`;
      let listed: Set<string>;
      try {
        listed = await client.listInstances(studyInstanceUid, seriesInstanceUid);
      } catch (cause) {
        if (!(cause instanceof NoAnswer) && !(cause instanceof ReadRefused)) throw cause;
        throw new TargetError(`${options.roots.qido}: ${cause.message}`, { cause });
      }
      const interrupted = (await journal.sessions()).some(({ id }) => id === sessionId);
      const journaled = interrupted ? await journal.entries(sessionId) : [];
      return {
        there: listed,
        held: new Set(journaled.map(({ sopInstanceUid }) => sopInstanceUid)),
        isWhole: instance => isThere(client, studyInstanceUid, instance),
        async store(instances, expected, signal): Promise<StoreOutcome> {
          const common = { server: options, journal, signal };
          const report =
            journaled.length > 0
              ? await resumeStore(sessionId, common, instances)
              : await storeInstances(instances, { ...common, studyInstanceUid, expected, sessionId });
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
        },
      };
    },
  };
}

/** Its pixels were compared when it was stored, so the UIDs and the number of pixels tell enough: an archive cuts off no file. */
async function isThere(
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
