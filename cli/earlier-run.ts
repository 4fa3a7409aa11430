import type { Fault } from '../src/notices';
import { DenoiseError } from '../src/notices';
import { decodeFrame, derivedUidsOf, parsePart10 } from '../src/dicom';
import { describeReason, sampleOf } from '../src/store';
import type { Progress } from './progress';
import type { SeriesPipeline } from './series-pipeline';
import type { SourceInstance } from './source';
import type { ExpectedInstance, FailedInstance, SeriesTarget } from './target';

export interface Division {
  /** To be denoised. */
  readonly missing: readonly SourceInstance[];
  /** Their derived instances are in the target, as they were written. What its journal has is in neither list. */
  readonly existing: readonly SourceInstance[];
}

interface RunOptions {
  readonly pipeline: SeriesPipeline;
  readonly target: SeriesTarget;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What an earlier run made is kept when it is what this run would make, by its UIDs, and is as it was written. */
export async function divide(
  instances: readonly SourceInstance[],
  { pipeline, target, progress, signal }: RunOptions,
): Promise<Division> {
  if (target.existingUids.size === 0 && target.journaledUids.size === 0)
    return { missing: [...instances], existing: [] };
  const missing: SourceInstance[] = [];
  const existing: SourceInstance[] = [];
  for (const source of instances) {
    signal.throwIfAborted();
    progress.checking(existing.length, instances.length);
    const expected = await expectedOf(source, pipeline, signal);
    if (expected && target.journaledUids.has(expected.sopInstanceUid)) continue;
    const exists = expected !== null && target.existingUids.has(expected.sopInstanceUid);
    if (exists && (await target.isIntact(expected))) existing.push(source);
    else missing.push(source);
  }
  return { missing, existing };
}

/** Null when the source cannot be read now: the job says so later. */
async function expectedOf(
  source: SourceInstance,
  pipeline: SeriesPipeline,
  signal: AbortSignal,
): Promise<ExpectedInstance | null> {
  try {
    const parsed = parsePart10(await source.read(signal));
    const { stored } = await decodeFrame(parsed);
    const uids = await derivedUidsOf({ parsed, stored }, pipeline.provenance());
    return { ...uids, pixels: stored.length };
  } catch (error) {
    if (error instanceof DenoiseError) return null;
    throw error;
  }
}

export interface Comparison {
  /** Derived instances under whose UID the target holds other pixels. */
  readonly foreign: readonly FailedInstance[];
  /** What kept the comparison from its end, or that there are foreign pixels. */
  readonly notice: Fault | null;
}

/**
 * Somebody may have stored other pixels under the UIDs of this series, and an archive keeps what it was given first: a sample of the existing instances is
 * computed again and compared. One wrong answer says that the sample is not enough.
 */
export async function compareExisting(
  existing: readonly SourceInstance[],
  options: RunOptions,
): Promise<Comparison> {
  const sample = options.target.hasSamePixels ? sampleOf(existing) : [];
  const found = await compare(sample, options);
  if (found.foreign.length === 0) return found;
  const rest = await compare(
    existing.filter(source => !sample.includes(source)),
    options,
  );
  return { ...found, foreign: [...found.foreign, ...rest.foreign] };
}

async function compare(
  sources: readonly SourceInstance[],
  { pipeline, target, progress }: RunOptions,
): Promise<Comparison> {
  const { consumed, fault } = await pipeline.run(
    sources,
    target.seriesMoment,
    now => progress.comparing(now),
    async instances => {
      const foreign: string[] = [];
      for await (const instance of instances)
        if (!(await target.hasSamePixels!(instance))) foreign.push(instance.sopInstanceUid);
      return foreign;
    },
  );
  const [first] = consumed;
  const reason = describeReason({ code: 'other-pixels' });
  return {
    foreign: consumed.map(sopInstanceUid => ({ sopInstanceUid, reason })),
    notice: first === undefined ? fault : { kind: 'fault', code: 'store-mismatch', sopInstanceUid: first },
  };
}
