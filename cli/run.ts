/** One accepted series: what an earlier run left, the pipeline for the rest, and the report. */
import { judgeField, judgeSeries, sortAlongNormal, type Verdict } from '../src/ct';
import { derivedSeriesInstanceUid } from '../src/dicom';
import { compareExisting, divide } from './earlier-run';
import type { ModelCard } from '../src/engine';
import { DenoiseError, type Fault } from '../src/notices';
import { SeriesBusy } from './lock';
import type { Progress } from './progress';
import type { SeriesReport } from './report';
import { SourceSlice } from './source-slice';
import { SeriesPipeline, type PipelineOptions } from './series-pipeline';
import type { SourceSeries } from './source';
import type { SeriesTarget, Target } from './target';

export interface RunOptions extends PipelineOptions {
  readonly target: Target;
  readonly progress: Progress;
}

type Accepted = Extract<Verdict, { kind: 'accepted' }>;

/** By the headers, and what is accepted by its images too. @throws the signal's reason */
export async function judge(
  series: SourceSeries,
  { domain, slab }: ModelCard,
  signal: AbortSignal,
): Promise<Verdict> {
  const verdict = judgeSeries(
    series.instances.map(({ instance }) => instance),
    domain,
    slab,
  );
  if (verdict.kind === 'refused') return verdict;
  const slices = series.instances.map(source => new SourceSlice(source, false, false, () => undefined));
  const sorted = sortAlongNormal(slices, ({ instance }) => instance);
  return { ...verdict, warnings: [...verdict.warnings, ...(await judgeField(sorted, domain, signal))] };
}

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
    guard: null,
    quietHu: null,
    seconds: { wall: 0, load: 0, inference: 0, encode: 0 },
  };
}

/** Denoises one accepted series. @throws DenoiseError when the engine cannot be made ready, TargetError */
export async function runSeries(
  series: SourceSeries,
  verdict: Accepted,
  options: RunOptions,
): Promise<SeriesReport> {
  const pipeline = new SeriesPipeline(series, verdict, options);
  const { studyInstanceUid, seriesInstanceUid, instances } = series;
  const derivedUid = derivedSeriesInstanceUid(seriesInstanceUid, pipeline.provenance());
  let target: SeriesTarget;
  try {
    target = await options.target.open({
      studyInstanceUid,
      seriesInstanceUid: derivedUid,
      expected: instances.length,
    });
  } catch (error) {
    if (error instanceof SeriesBusy) return listedSeries(series, verdict, 'busy');
    throw error;
  }
  try {
    return await runInto(target, derivedUid, series, verdict, pipeline, options);
  } finally {
    await target.close();
  }
}

async function runInto(
  target: SeriesTarget,
  derivedUid: string,
  series: SourceSeries,
  verdict: Accepted,
  pipeline: SeriesPipeline,
  { progress, signal, info, guard: { mode } }: RunOptions,
): Promise<SeriesReport> {
  const { studyInstanceUid, seriesInstanceUid, instances } = series;
  const { missing, existing } = await divide(instances, { pipeline, target, progress, signal });
  const compared = await compareExisting(existing, { pipeline, target, progress, signal });
  const kept = existing.length - compared.foreign.length;
  const finding = missing.length > 0 ? await findingOf(pipeline, progress, signal) : null;
  const held = finding !== null && mode === 'stop';
  const refused = held && finding.code.startsWith('guard-');
  const { consumed: stored, fault } = await pipeline.run(
    held ? [] : missing,
    target.seriesMoment,
    now => progress.slice(now),
    made => target.store(made, instances.length - existing.length, signal),
  );
  const failed = [...pipeline.failed, ...compared.foreign, ...stored.failed];
  const notice = compared.notice ?? stored.notice ?? fault ?? (held ? finding : null);
  const whole = kept + stored.written === instances.length && failed.length === 0 && !notice;
  const seconds = (ms: number) => Math.round(ms) / 1000;
  return {
    studyInstanceUid,
    seriesInstanceUid,
    derivedSeriesInstanceUid: derivedUid,
    slices: instances.length,
    verdict,
    outcome: whole ? 'done' : signal.aborted ? 'interrupted' : refused ? 'refused' : 'incomplete',
    kept,
    written: stored.written,
    failed,
    notice,
    store: stored.store,
    provider: info.provider,
    guard: pipeline.guard,
    quietHu: await pipeline.quietHu(),
    seconds: {
      wall: seconds(performance.now() - pipeline.started),
      load: seconds(pipeline.ms.load),
      inference: seconds(pipeline.ms.inference),
      encode: seconds(pipeline.ms.encode),
    },
  };
}

/** What the guard finds on the series, the gravest; null where nothing forbids writing it. */
async function findingOf(
  pipeline: SeriesPipeline,
  progress: Progress,
  signal: AbortSignal,
): Promise<Fault | null> {
  progress.guarding();
  try {
    return (await pipeline.measure())?.findings.at(-1) ?? null;
  } catch (error) {
    // The pipeline writes nothing any more, and the series is reported as interrupted.
    if (signal.aborted) return null;
    // The engine's, or a result that is no image: run again.
    if (error instanceof DenoiseError && error.notice.kind === 'fault' && error.notice.code !== 'cancelled')
      return error.notice;
    throw error;
  }
}
