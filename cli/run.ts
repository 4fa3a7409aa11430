/** The pipeline of src/ over every series of a source: verdict, engine, job, blend, derive, store. */
import { setImmediate as immediate } from 'node:timers/promises';
import {
  judgeSeries,
  sliceFromStored,
  sortAlongNormal,
  type CtSlice,
  type SliceHu,
  type Verdict,
} from '../src/ct';
import { blend, DenoiseJob, provenanceOf, type DenoisedSlice, type JobProgress } from '../src/denoise';
import {
  decodeFrame,
  deriveInstance,
  derivedSeriesInstanceUid,
  derivedUidsOf,
  parsePart10,
  type DerivedInstance,
  type ParsedInstance,
  type SeriesMoment,
} from '../src/dicom';
import type { Engine, EngineInfo } from '../src/engine';
import { DenoiseError, describe, type Fault, type Refusal } from '../src/notices';
import { describeReason, sampleOf } from '../src/store';
import { Channel } from './channel';
import type { Progress } from './progress';
import { SeriesBusy } from './lock';
import type { SeriesReport } from './report';
import type { SourceInstance, SourceSeries } from './source';
import type { SeriesTarget, StoreOutcome, Target } from './target';

export interface RunOptions {
  readonly engine: Engine;
  readonly target: Target;
  /** 0 to 1. */
  readonly strength: number;
  readonly createdAt: Date;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A source slice that was read and is not derived yet. */
interface Held {
  readonly parsed: ParsedInstance;
  readonly slice: SliceHu;
}

/** What is there under our UIDs and is not ours, and what kept us from telling. */
interface Proof {
  readonly foreign: StoreOutcome['failed'];
  readonly notice: Fault | null;
}

/** Results waiting to be encoded; above this the job pauses, so that a slow archive does not fill the memory with sources. */
const MAX_WAITING = 16;

/** The verdict alone, for --dry-run, for what is refused and for what another process is at. */
export function listedSeries(
  series: SourceSeries,
  verdict: Verdict,
  outcome: 'refused' | 'listed' | 'busy',
): SeriesReport {
  const { studyInstanceUid, seriesInstanceUid, instances } = series;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    derivedSeriesInstanceUid: null,
    slices: instances.length,
    verdict,
    outcome,
    kept: 0,
    written: 0,
    failed: [],
    notice: null,
    store: null,
    provider: null,
    seconds: { wall: 0, load: 0, inference: 0, encode: 0 },
  };
}

export function judge(series: SourceSeries, domain: Parameters<typeof judgeSeries>[1]): Verdict {
  return judgeSeries(
    series.instances.map(({ instance }) => instance),
    domain,
  );
}

/** Denoises one accepted series. @throws DenoiseError when the engine cannot be made ready, TargetError */
export async function runSeries(
  series: SourceSeries,
  verdict: Extract<Verdict, { kind: 'accepted' }>,
  info: EngineInfo,
  options: RunOptions,
): Promise<SeriesReport> {
  const run = new SeriesRun(series, verdict, info, options);
  return run.report();
}

class SeriesRun {
  private readonly started = performance.now();
  private readonly seconds = { load: 0, inference: 0, encode: 0 };
  private readonly held = new Map<string, Held>();
  private readonly failed: { sopInstanceUid: string; reason: string }[] = [];

  constructor(
    private readonly series: SourceSeries,
    private readonly verdict: Extract<Verdict, { kind: 'accepted' }>,
    private readonly info: EngineInfo,
    private readonly options: RunOptions,
  ) {}

  private provenance(provider: EngineInfo['provider']) {
    return provenanceOf(this.info, provider, this.options.strength, this.verdict.warnings);
  }

  async report(): Promise<SeriesReport> {
    const { target } = this.options;
    const { studyInstanceUid, seriesInstanceUid, instances } = this.series;
    const seriesUid = derivedSeriesInstanceUid(seriesInstanceUid, this.provenance(this.info.provider));
    const derived = { studyInstanceUid, seriesInstanceUid: seriesUid, expected: instances.length };
    let opened: SeriesTarget;
    try {
      opened = await target.open(derived);
    } catch (error) {
      if (error instanceof SeriesBusy) return listedSeries(this.series, this.verdict, 'busy');
      throw error;
    }
    try {
      return await this.into(opened, seriesUid);
    } finally {
      await opened.close();
    }
  }

  private async into(opened: SeriesTarget, seriesUid: string): Promise<SeriesReport> {
    const { signal } = this.options;
    const { studyInstanceUid, seriesInstanceUid, instances } = this.series;
    const { todo, there } = await this.split(opened);
    const found = await this.prove(there, opened);
    const kept = there.length - found.foreign.length;
    const outcome = await this.process(todo, opened, instances.length - there.length);
    const failed = [...this.failed, ...found.foreign, ...outcome.failed];
    const notice = found.notice ?? outcome.notice;
    const whole = kept + outcome.written === instances.length && failed.length === 0 && !notice;
    const round = (ms: number) => Math.round(ms) / 1000;
    return {
      studyInstanceUid,
      seriesInstanceUid,
      derivedSeriesInstanceUid: seriesUid,
      slices: instances.length,
      verdict: this.verdict,
      outcome: whole ? 'done' : signal.aborted ? 'interrupted' : 'incomplete',
      kept,
      written: outcome.written,
      failed,
      notice,
      store: outcome.store,
      provider: this.info.provider,
      seconds: {
        wall: round(performance.now() - this.started),
        load: round(this.seconds.load),
        inference: round(this.seconds.inference),
        encode: round(this.seconds.encode),
      },
    };
  }

  /** What an earlier run made is kept when it is what this run would make, by its UIDs, and is as it was written. */
  private async split(target: SeriesTarget): Promise<{ todo: SourceInstance[]; there: SourceInstance[] }> {
    const { instances } = this.series;
    if (target.there.size === 0 && target.held.size === 0) return { todo: [...instances], there: [] };
    const todo: SourceInstance[] = [];
    const there: SourceInstance[] = [];
    for (const source of instances) {
      this.options.signal.throwIfAborted();
      this.options.progress.checking(there.length, instances.length);
      const uids = await this.uidsOf(source);
      if (uids && target.held.has(uids.sopInstanceUid)) continue;
      if (uids && target.there.has(uids.sopInstanceUid) && (await target.isWhole(uids))) there.push(source);
      else todo.push(source);
    }
    return { todo, there };
  }

  /**
   * Somebody may have stored other pixels under our UIDs, and an archive keeps what it was given first: a sample of what is there is computed again and
   * compared. One wrong answer says that the sample is not enough.
   */
  private async prove(there: readonly SourceInstance[], target: SeriesTarget): Promise<Proof> {
    const sample = target.holds ? sampleOf(there) : [];
    const found = await this.compare(sample, target);
    if (found.foreign.length === 0) return found;
    const rest = await this.compare(
      there.filter(source => !sample.includes(source)),
      target,
    );
    return { ...found, foreign: [...found.foreign, ...rest.foreign] };
  }

  private async compare(sources: readonly SourceInstance[], target: SeriesTarget): Promise<Proof> {
    if (sources.length === 0) return { foreign: [], notice: null };
    const results = new Channel<DenoisedSlice>();
    const computed = this.denoise(sources, results, now => this.options.progress.comparing(now));
    const compared = (async () => {
      const foreign: string[] = [];
      for await (const derived of this.derive(results, target.seriesMoment))
        if (!(await target.holds!(derived))) foreign.push(derived.sopInstanceUid);
      return foreign;
    })();
    const [ended, foreign] = await Promise.all([computed.finally(() => results.close()), compared]);
    const [first] = foreign;
    return {
      foreign: foreign.map(sopInstanceUid => ({
        sopInstanceUid,
        reason: describeReason({ code: 'other-pixels' }),
      })),
      notice: first === undefined ? ended : { kind: 'fault', code: 'store-mismatch', sopInstanceUid: first },
    };
  }

  /** Null when the source cannot be read now: the job says so later. */
  private async uidsOf(source: SourceInstance) {
    try {
      const parsed = parsePart10(await source.read(this.options.signal));
      const { stored } = await decodeFrame(parsed);
      const provenance = this.provenance(this.info.provider);
      const uids = await derivedUidsOf({ parsed, stored }, provenance);
      return { ...uids, pixels: stored.length };
    } catch (error) {
      if (error instanceof DenoiseError) return null;
      throw error;
    }
  }

  private async process(
    todo: SourceInstance[],
    target: SeriesTarget,
    expected: number,
  ): Promise<StoreOutcome> {
    const { progress, signal } = this.options;
    const results = new Channel<DenoisedSlice>();
    const storing = target.store(this.derive(results, target.seriesMoment), expected, signal);
    // A store that ends before the series does must stop the job, not leave it computing for nobody.
    const close = () => results.close();
    storing.then(close, close);
    const tell = (now: JobProgress) => progress.slice(now);
    const ended = todo.length > 0 ? await this.denoise(todo, results, tell) : null;
    results.close();
    const outcome = await storing;
    return { ...outcome, notice: outcome.notice ?? ended };
  }

  /** Runs the job, and gives what stopped it, when something did. */
  private async denoise(
    todo: readonly SourceInstance[],
    results: Channel<DenoisedSlice>,
    tell: (progress: JobProgress) => void,
  ): Promise<Fault | null> {
    const { engine, signal } = this.options;
    const { studyInstanceUid, seriesInstanceUid } = this.series;
    const slices = sortAlongNormal(
      todo.map(source => this.slice(source)),
      ({ instance }) => instance,
    );
    const job = new DenoiseJob({
      series: { studyInstanceUid, seriesInstanceUid, slices },
      engine,
      keepResults: false,
      focus: slices[0]!.instance.SOPInstanceUID,
    });
    const stop = () => job.cancel();
    signal.addEventListener('abort', stop, { once: true });
    let counted = 0;
    job.subscribe(event => {
      if (event.kind === 'slice') {
        this.seconds.inference += event.slice.ms;
        results.push(event.slice);
        if (results.waiting >= MAX_WAITING && job.snapshot.state === 'running') job.pause();
      } else if (event.kind === 'slice-failed') {
        this.held.delete(event.sopInstanceUid);
        this.failed.push({ sopInstanceUid: event.sopInstanceUid, reason: describe(event.fault).happened });
      } else if (event.kind === 'changed') {
        // The slice itself is announced before it is counted; other changes count nothing.
        const now = event.snapshot.progress;
        if (now.done + now.failed > counted) tell(now);
        counted = now.done + now.failed;
      }
    });
    results.onTake = () => {
      if (results.waiting < MAX_WAITING / 2 && job.snapshot.state === 'paused') job.resume();
    };
    results.onClose = () => {
      if (['checking', 'loading', 'testing', 'running', 'paused'].includes(job.snapshot.state)) job.cancel();
    };
    try {
      const { state, reasons } = signal.aborted ? job.snapshot : await job.start();
      const fault = reasons.find((reason: Fault | Refusal) => reason.kind === 'fault');
      if (state === 'cancelled' || signal.aborted) return { kind: 'fault', code: 'cancelled' };
      return fault ?? null;
    } finally {
      results.onClose = null;
      results.onTake = null;
      signal.removeEventListener('abort', stop);
    }
  }

  private slice({ instance, read }: SourceInstance): CtSlice {
    return {
      instance,
      loadHu: async signal => {
        const started = performance.now();
        const parsed = parsePart10(await read(signal));
        const { stored } = await decodeFrame(parsed);
        const slice = sliceFromStored(stored, instance);
        this.held.set(instance.SOPInstanceUID, { parsed, slice });
        this.seconds.load += performance.now() - started;
        return slice;
      },
    };
  }

  private async *derive(
    results: AsyncIterable<DenoisedSlice>,
    seriesMoment: SeriesMoment | null,
  ): AsyncGenerator<DerivedInstance> {
    for await (const { sopInstanceUid, hu: denoised, provider } of results) {
      // The job first hands the engine its next slice; this one is derived while that is computed.
      await immediate();
      const started = performance.now();
      const { parsed, slice } = this.held.get(sopInstanceUid)!;
      this.held.delete(sopInstanceUid);
      const source = { parsed, stored: slice.stored };
      const hu = blend(slice, denoised, this.options.strength);
      const provenance = this.provenance(provider);
      const { createdAt } = this.options;
      let derived: DerivedInstance;
      try {
        derived = await deriveInstance({ source, hu, provenance, createdAt, seriesMoment });
      } catch (error) {
        if (!(error instanceof DenoiseError)) throw error;
        // It speaks of this slice; the others, and the series behind this one, can be done.
        this.failed.push({ sopInstanceUid, reason: describe(error.notice).happened });
        continue;
      } finally {
        this.seconds.encode += performance.now() - started;
      }
      yield derived;
    }
  }
}
