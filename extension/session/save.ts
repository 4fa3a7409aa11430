import { judgeField } from '../../src/ct';
import type { DenoisedSlice } from '../../src/denoise';
import {
  derivedSeriesInstanceUid,
  naturalize,
  parsePart10,
  WorkerDeriver,
  type DerivedInstance,
  type ParsedInstance,
  type Provenance,
  type SeriesMoment,
} from '../../src/dicom';
import { DenoiseError, statusWords } from '../../src/notices';
import { derivedSeries, provenanceOf, type SourceHeader } from '../../src/series';
import { DicomWebClient, isPassing, NoAnswer, ReadRefused, type DicomWebOptions } from '../../src/store';
import type { Run } from './run';
import type { OhifSlice } from '../source';

/** What the saved series says of itself. One for all its slices: the UIDs follow from it, and two would make two series. */
async function seriesProvenance(run: Run, strength: number, signal?: AbortSignal): Promise<Provenance> {
  const { engine, verdict } = run.snapshot;
  if (!engine) throw new Error('nothing was denoised yet');
  const providers = new Set(
    run.source.slices.flatMap(({ instance }) => run.job.result(instance.SOPInstanceUID)?.provider ?? []),
  );
  const shown = await judgeField(run.source.slices, engine.model.domain, signal);
  const warnings = verdict?.kind === 'accepted' ? [...verdict.warnings, ...shown] : [];
  const uids = run.source.slices.map(({ instance }) => instance.SOPInstanceUID);
  const sentence = run.guard.report(strength)?.sentence;
  const measured = sentence === undefined ? [] : [sentence];
  // A run that was repaired may have used two providers; both are named.
  return {
    ...provenanceOf(engine, engine.provider, strength, warnings, uids, measured),
    provider: [...providers].sort().join('+'),
  };
}

/** Series Instance UID of what `derivedInstances` gives at this strength. */
export async function derivedSeriesUid(run: Run, strength: number): Promise<string> {
  return derivedSeriesInstanceUid(run.source.seriesInstanceUid, await seriesProvenance(run, strength));
}

export interface DeriveOptions {
  /** 0 to 1. Not read from the run: the slider may move while a series is being saved, and all its slices must be of one strength. */
  readonly strength: number;
  /** Where the originals' headers are read from; null: only what the viewer has loaded of them is copied. */
  readonly server: DicomWebOptions | null;
  readonly signal: AbortSignal;
  /** The header of a slice is only what the viewer has loaded of it; `why` in words. */
  onBare?(why: string): void;
  /** Of what an earlier store left of this series; absent: nothing. */
  readonly seriesMoment?: SeriesMoment | null;
}

/**
 * The denoised series, slice after slice, as Part 10. The original's whole header is read from the server,
 * for the viewer keeps no private and bulk data; its pixels are those on screen, so what is saved is what is seen.
 * @throws DenoiseError: `source-header` when the server does not answer
 */
export async function* derivedInstances(run: Run, options: DeriveOptions): AsyncGenerator<DerivedInstance> {
  const { strength, seriesMoment = null, signal, server } = options;
  const { slices } = run.source;
  const provenance = await seriesProvenance(run, strength, signal);
  const client = server ? new DicomWebClient(server) : null;
  const deriver = new WorkerDeriver(
    () => new Worker(new URL('../../src/dicom/derive/derive.worker.ts', import.meta.url), { type: 'module' }),
  );
  try {
    yield* derivedSeries({
      slices,
      results: slices.map(({ instance }) => resultOf(run, instance.SOPInstanceUID)),
      strength,
      provenance: () => provenance,
      header: slice => headerOf(slice, client, options),
      createdAt: run.createdAt(strength),
      seriesMoment,
      derive: deriver.derive,
      signal,
    });
  } finally {
    deriver.dispose();
  }
}

function resultOf(run: Run, sopInstanceUid: string): DenoisedSlice {
  const result = run.job.result(sopInstanceUid);
  if (!result) throw new RangeError(`slice ${sopInstanceUid} is not denoised`);
  return result;
}

/** The file that the data source names, where it can be had and is this very image. */
async function fileOf(slice: OhifSlice): Promise<ParsedInstance | null> {
  const bytes = await slice.file();
  if (!bytes) return null;
  try {
    const parsed = parsePart10(bytes);
    return naturalize(parsed).SOPInstanceUID === slice.instance.SOPInstanceUID ? parsed : null;
  } catch (error) {
    // A page of a proxy, or half a file.
    if (error instanceof DenoiseError) return null;
    throw error;
  }
}

/**
 * The file of a slice, from the viewer where it has the file, else from the archive. Where the archive has no way to give files, which the standard allows, or gives something else under their address (403, 400, a page of
 * a proxy), asking again would not help: then what the viewer has loaded of the header, which `onBare` is told.
 * @throws DenoiseError `source-header` for what may pass: no answer, an archive in trouble, a login that has run out
 */
async function headerOf(
  slice: OhifSlice,
  client: DicomWebClient | null,
  { signal, onBare }: DeriveOptions,
): Promise<SourceHeader> {
  const { instance } = slice;
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID: sopInstanceUid } = instance;
  const parsed = await fileOf(slice);
  if (parsed) return { parsed };
  if (!client) {
    onBare?.('the data source does not give the files');
    return { instance };
  }
  try {
    const part10 = await client.instance(StudyInstanceUID, SeriesInstanceUID, sopInstanceUid, signal);
    return { parsed: parsePart10(part10) };
  } catch (cause) {
    if (signal.aborted) throw cause;
    const status = cause instanceof ReadRefused ? cause.status : cause instanceof NoAnswer ? 0 : null;
    if (status === 0 || status === 401 || (status !== null && isPassing(status)))
      throw new DenoiseError({ kind: 'fault', code: 'source-header', sopInstanceUid, status }, { cause });
    // What is no DICOM file is told by its reader.
    if (status === null && !(cause instanceof DenoiseError)) throw cause;
    onBare?.(status === null ? 'the archive gives something else than DICOM files' : statusWords(status));
    return { instance };
  }
}
