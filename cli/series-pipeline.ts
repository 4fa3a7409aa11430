import { fieldSamples, sortAlongNormal, type ModelSlab, type Verdict } from '../src/ct';
import { DenoiseJob, type DenoisedSlice, type JobProgress } from '../src/denoise';
import { deriveInstance, type DerivedInstance, type Provenance, type SeriesMoment } from '../src/dicom';
import { describe, type Fault } from '../src/notices';
import { quietHu, SeriesStatistics, sliceStatistics } from '../src/residual';
import { derivedSeries, provenanceOf } from '../src/series';
import type { GuardReport } from '../src/guard';
import { guardOf, type GuardedRun } from './guard';
import { JobResults } from './job-results';
import type { SourceInstance, SourceSeries } from './source';
import { SourceSlice } from './source-slice';
import type { FailedInstance } from './target';

export interface PipelineOptions extends GuardedRun {
  readonly createdAt: Date;
}

/** From slices of one series to its derived instances: the job of src/denoise and src/series behind it. */
export class SeriesPipeline {
  /** Slices that could not be denoised or derived so far; `sopInstanceUid` is the source's. */
  readonly failed: FailedInstance[] = [];
  readonly started = performance.now();
  readonly ms = { load: 0, inference: 0, encode: 0 };
  /** What `measure` found; it is written into what is made from then on. */
  guard: GuardReport | null = null;

  /** What is removed from the slices that were looked at (`fieldSamples`), as far as this run made them. */
  private readonly removed = new SeriesStatistics();
  private readonly measuring: Promise<void>[] = [];

  constructor(
    private readonly series: SourceSeries,
    private readonly verdict: Extract<Verdict, { kind: 'accepted' }>,
    private readonly options: PipelineOptions,
  ) {}

  /** Null for a model of single slices. */
  get slab(): ModelSlab | null {
    return this.options.info.model.slab ?? null;
  }

  /** @param provider that computed the slice; default the one in use */
  provenance(provider = this.options.info.provider): Provenance {
    const { info, strength } = this.options;
    const uids = this.series.instances.map(({ instance }) => instance.SOPInstanceUID);
    return provenanceOf(info, provider, strength, this.verdict.warnings, uids, this.measured());
  }

  /** What the model does to known lesions in this series, before anything is written. @throws DenoiseError of the engine */
  async measure(): Promise<GuardReport | null> {
    const slices = this.slices(new Set());
    return (this.guard = await guardOf(slices, this.options));
  }

  /** SD of what was removed, HU, where that is almost nothing; null where it is something or nobody knows. */
  async quietHu(): Promise<number | null> {
    await Promise.all(this.measuring);
    const total = this.removed.total();
    return total.slices > 0 ? quietHu(total, this.options.strength) : null;
  }

  private measured(): string[] {
    return this.guard ? [this.guard.sentence] : [];
  }

  /** Along the normal. @param wanted by SOP Instance UID, to be derived */
  private slices(wanted: ReadonlySet<string>): SourceSlice[] {
    return sortAlongNormal(
      this.series.instances.map(
        source =>
          new SourceSlice(source, wanted.has(source.instance.SOPInstanceUID), this.slab !== null, ms => {
            this.ms.load += ms;
          }),
      ),
      ({ instance }) => instance,
    );
  }

  /**
   * Denoises `sources` while `consume` takes the derived instances; the job stops when it ends before they do.
   * @returns what `consume` gave, and what stopped the job, when something did
   */
  async run<T>(
    sources: readonly SourceInstance[],
    seriesMoment: SeriesMoment | null,
    onProgress: (progress: JobProgress) => void,
    consume: (instances: AsyncIterable<DerivedInstance>) => Promise<T>,
  ): Promise<{ readonly consumed: T; readonly fault: Fault | null }> {
    if (sources.length === 0) return { consumed: await consume(nothing()), fault: null };
    const { engine, signal, strength, createdAt } = this.options;
    const wanted = new Set(sources.map(({ instance }) => instance.SOPInstanceUID));
    // All of the series: the neighbours that a slab reads may have been denoised by an earlier run.
    const slices = this.slices(wanted);
    const byUid = new Map(slices.map(slice => [slice.instance.SOPInstanceUID, slice]));
    const { studyInstanceUid, seriesInstanceUid } = this.series;
    const job = new DenoiseJob({
      series: { studyInstanceUid, seriesInstanceUid, slices },
      engine,
      keepResults: false,
      computeAhead: true,
      only: wanted,
      focus: slices[0]!.instance.SOPInstanceUID,
    });
    const results = new JobResults(job, ({ sopInstanceUid }) => byUid.get(sopInstanceUid)!.release());
    const samples = fieldSamples(slices.length).map(index => slices[index]!.instance.SOPInstanceUID);
    this.watch(job, byUid, new Set(samples), onProgress);
    const consuming = consume(
      derivedSeries({
        slices,
        results,
        strength,
        provenance: ({ provider }) => this.provenance(provider),
        header: slice => slice.header(),
        pixelHash: slice => slice.pixelHash(),
        createdAt,
        seriesMoment,
        derive: async input => {
          const started = performance.now();
          try {
            return await deriveInstance(input);
          } finally {
            this.ms.encode += performance.now() - started;
          }
        },
        onFailure: (sopInstanceUid, { notice }) => this.fail(sopInstanceUid, describe(notice).happened),
      }),
    );
    // A consumer that ends early must stop the job, not leave it computing for nobody.
    const stop = () => results.stop();
    consuming.then(stop, stop);
    const fault = await results.run(signal);
    return { consumed: await consuming, fault };
  }

  private watch(
    job: DenoiseJob,
    slices: ReadonlyMap<string, SourceSlice>,
    samples: ReadonlySet<string>,
    onProgress: (progress: JobProgress) => void,
  ): void {
    let counted = 0;
    job.subscribe(event => {
      if (event.kind === 'slice') {
        this.ms.inference += event.slice.ms;
        const { sopInstanceUid, hu } = event.slice;
        if (samples.has(sopInstanceUid)) this.measuring.push(this.compare(slices.get(sopInstanceUid)!, hu));
      } else if (event.kind === 'slice-failed') {
        slices.get(event.sopInstanceUid)!.release();
        this.fail(event.sopInstanceUid, describe(event.fault).happened);
      } else if (event.kind === 'changed') {
        // A slice is announced before it is counted; other changes count nothing.
        const { progress } = event.snapshot;
        if (progress.done + progress.failed > counted) onProgress(progress);
        counted = progress.done + progress.failed;
      }
    });
  }

  /** A slice that cannot be read any more tells nothing here: deriving it names it. */
  private async compare(slice: SourceSlice, hu: DenoisedSlice['hu']): Promise<void> {
    const source = await slice.loadHu().catch(() => null);
    if (source) this.removed.add(slice.instance.SOPInstanceUID, sliceStatistics(source, hu));
  }

  private fail(sopInstanceUid: string, reason: string): void {
    this.failed.push({ sopInstanceUid, reason });
  }
}

async function* nothing(): AsyncGenerator<DerivedInstance> {}
