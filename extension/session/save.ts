import type { SliceHu } from '../../src/ct';
import { blend, provenanceOf } from '../../src/denoise';
import {
  derivedSeriesInstanceUid,
  parsePart10,
  WorkerDeriver,
  type DerivedInstance,
  type DeriveSource,
  type Provenance,
  type SeriesMoment,
} from '../../src/dicom';
import { DenoiseError } from '../../src/notices';
import { DicomWebClient, ReadRefused, type DicomWebOptions } from '../../src/store';
import type { Run } from './run';
import type { OhifSlice } from '../source';

/** What the saved series says of itself. One for all its slices: the UIDs follow from it, and two would make two series. */
function seriesProvenance(run: Run, strength: number): Provenance {
  const { engine, verdict } = run.snapshot;
  if (!engine) throw new Error('nothing was denoised yet');
  const providers = new Set(
    run.source.slices.flatMap(({ instance }) => run.job.result(instance.SOPInstanceUID)?.provider ?? []),
  );
  const warnings = verdict?.kind === 'accepted' ? verdict.warnings : [];
  // A run that was repaired may have used two providers; both are named.
  return {
    ...provenanceOf(engine, engine.provider, strength, warnings),
    provider: [...providers].sort().join('+'),
  };
}

/** Series Instance UID of what `derivedInstances` gives at this strength. */
export function derivedSeriesUid(run: Run, strength: number): string {
  return derivedSeriesInstanceUid(run.source.seriesInstanceUid, seriesProvenance(run, strength));
}

export interface DeriveOptions {
  /** 0 to 1. Not read from the run: the slider may move while a series is being saved, and all its slices must be of one strength. */
  readonly strength: number;
  /** Where the originals' headers are read from; null: only what the viewer has loaded of them is copied. */
  readonly server: DicomWebOptions | null;
  readonly signal: AbortSignal;
  /** Of what an earlier store left of this series; absent: nothing. */
  readonly seriesMoment?: SeriesMoment | null;
}

/**
 * The denoised series, slice after slice, as Part 10. The original's whole header is read from the server,
 * for the viewer keeps no private and bulk data; its pixels are those on screen, so what is saved is what is seen.
 * @throws DenoiseError: `source-header` when the server does not answer
 */
export async function* derivedInstances(run: Run, options: DeriveOptions): AsyncGenerator<DerivedInstance> {
  const { strength, seriesMoment = null } = options;
  const provenance = seriesProvenance(run, strength);
  const createdAt = run.createdAt(strength);
  const client = options.server ? new DicomWebClient(options.server) : null;
  const deriver = new WorkerDeriver(
    () => new Worker(new URL('../../src/dicom/derive.worker.ts', import.meta.url), { type: 'module' }),
  );
  try {
    let headers = client ? prefetch(run, 0, client, options.signal) : null;
    for (const [index, slice] of run.source.slices.entries()) {
      options.signal.throwIfAborted();
      const uid = slice.instance.SOPInstanceUID;
      const denoised = run.job.result(uid);
      if (!denoised) throw new RangeError(`slice ${uid} is not denoised`);
      const source = await slice.loadHu(options.signal);
      const header = headers ? await headers : null;
      headers =
        client && index + 1 < run.source.slices.length
          ? prefetch(run, index + 1, client, options.signal)
          : null;
      yield await deriver.derive({
        source: deriveSource(slice, source, header),
        hu: blend(source, denoised.hu, strength),
        provenance,
        createdAt,
        seriesMoment,
      });
    }
  } finally {
    deriver.dispose();
  }
}

/** Part 10 bytes of a slice; null when the server has no way to give them, which the standard allows. */
async function prefetch(
  run: Run,
  index: number,
  client: DicomWebClient,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const { studyInstanceUid, seriesInstanceUid, slices } = run.source;
  const sopInstanceUid = slices[index]!.instance.SOPInstanceUID;
  try {
    return await client.instance(studyInstanceUid, seriesInstanceUid, sopInstanceUid, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    if (cause instanceof ReadRefused && [404, 405, 406, 501].includes(cause.status)) return null;
    throw new DenoiseError({ kind: 'fault', code: 'source-header', sopInstanceUid }, { cause });
  }
}

function deriveSource(slice: OhifSlice, { stored }: SliceHu, header: Uint8Array | null): DeriveSource {
  return header ? { parsed: parsePart10(header), stored } : { instance: slice.instance, stored };
}
