import type { Fault } from '../src/notices';
import { DenoiseError } from '../src/notices';
import { planSlabs } from '../src/ct';
import { decodeFrame, derivedUidsOf, parsePart10, sourceIdentityOf, type SourceIdentity } from '../src/dicom';
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
  for await (const [source, expected] of expectedOf(instances, pipeline, signal)) {
    progress.checking(existing.length, instances.length);
    if (expected && target.journaledUids.has(expected.sopInstanceUid)) continue;
    const exists = expected !== null && target.existingUids.has(expected.sopInstanceUid);
    if (exists && (await target.isIntact(expected))) existing.push(source);
    else missing.push(source);
  }
  return { missing, existing };
}

interface Identity extends SourceIdentity {
  readonly pixels: number;
}

/** Each slice once, and what its derived instance is called; null where it, or a neighbour, cannot be read now: the job says so later. */
async function* expectedOf(
  instances: readonly SourceInstance[],
  pipeline: SeriesPipeline,
  signal: AbortSignal,
): AsyncGenerator<readonly [SourceInstance, ExpectedInstance | null]> {
  const headers = instances.map(({ instance }) => instance);
  const provenance = pipeline.provenance();
  /** Of the slab before; the next one shares some. */
  let before = new Map<number, Identity | null>();
  for (const { own, inputs } of planSlabs(headers, pipeline.slab)) {
    const known = new Map<number, Identity | null>();
    for (const index of inputs) {
      signal.throwIfAborted();
      if (known.has(index)) continue;
      const identity = before.get(index);
      known.set(index, identity === undefined ? await identityOf(instances[index]!, signal) : identity);
    }
    before = known;
    const read = inputs.map(index => known.get(index)).filter(identity => identity != null);
    for (const [output, index] of own.entries()) {
      const identity = known.get(index)!;
      const slab = pipeline.slab && { inputs: read, output };
      const expected =
        read.length === inputs.length
          ? { ...derivedUidsOf(identity!, provenance, slab), pixels: identity!.pixels }
          : null;
      yield [instances[index]!, expected];
    }
  }
}

async function identityOf(source: SourceInstance, signal: AbortSignal): Promise<Identity | null> {
  try {
    const parsed = parsePart10(await source.read(signal));
    const { stored } = await decodeFrame(parsed);
    return { ...(await sourceIdentityOf({ parsed, stored })), pixels: stored.length };
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
