import type { SliceHu } from '../../src/ct';
import { blend, DenoiseJob, type DenoisedSlice, type JobEvent, type JobSnapshot } from '../../src/denoise';
import type { Engine, Provider } from '../../src/engine';
import type { Fault } from '../../src/notices';
import { SeriesStatistics, sliceStatistics } from '../../src/residual';
import type { PixelSource } from '../derived/pixel-source';
import { derivedSeries, type DerivedSeries } from '../derived/series';
import { drawn, idle } from '../idle';
import { RunGuard, type GuardSettings } from './guard';
import { seriesHasInt16Hu, instancesOf, type OhifSeries, type OhifSlice } from '../source';
import type { Pair, PairDisplaySets } from './pair';

/** Sources of the slices on screen, kept as float32 so that the strength slider does not convert them at every step. */
const KEPT_SOURCES = 4;

export type RunEvent =
  | { readonly kind: 'job'; readonly run: Run; readonly event: JobEvent }
  /** `run.residual` knows another slice, or `run.guard` has come further. */
  | { readonly kind: 'assessed' };

/** One series being denoised, and the live series that show it. Lives until the series is closed or the mode is left. */
export class Run implements Pair, PixelSource {
  readonly job: DenoiseJob;
  /** What the model does to known lesions in this series. */
  readonly guard: RunGuard;
  readonly denoisedSeries: DerivedSeries;
  readonly differenceSeries: DerivedSeries;
  readonly displaySets: PairDisplaySets;
  readonly residual = new SeriesStatistics();
  /** SOP Instance UIDs of slices that did not work, with the reason. */
  readonly failed = new Map<string, Fault>();
  /** The last break-down of the engine that repaired itself in this run of the job, and what computes since; null without one. */
  repair: { readonly fault: Fault; readonly provider: Provider } | null = null;
  strength = 1;
  /** A ZIP, a folder or the archive has the whole series, at some strength. */
  saved = false;

  private readonly made = new Map<number, Date>();
  private readonly slices: ReadonlyMap<string, OhifSlice>;
  private readonly hoping: ((slice: DenoisedSlice) => void)[] = [];
  private first: DenoisedSlice | null = null;
  private readonly recent = new Map<string, Promise<SliceHu>>();
  private readonly unsubscribe: () => void;
  private look: AbortController | null = null;
  private disposed = false;

  constructor(
    readonly source: OhifSeries,
    engine: Engine,
    focus: string | undefined,
    guard: { readonly settings: GuardSettings; readonly busy: () => boolean },
    private readonly emit: (event: RunEvent) => void,
  ) {
    this.guard = new RunGuard(source.slices, engine, guard.settings, guard.busy, () =>
      this.emit({ kind: 'assessed' }),
    );
    this.displaySets = {
      source: source.displaySet.displaySetInstanceUID,
      denoised: null,
      difference: null,
    };
    this.slices = new Map(source.slices.map(slice => [slice.instance.SOPInstanceUID, slice]));
    const int16Hu = seriesHasInt16Hu(source);
    this.denoisedSeries = derivedSeries(source, 'denoised', int16Hu);
    this.differenceSeries = derivedSeries(source, 'difference', int16Hu);
    this.job = new DenoiseJob({ series: source, engine, afterFirst: drawn, ...(focus ? { focus } : {}) });
    this.unsubscribe = this.job.subscribe(event => this.receive(event));
  }

  get snapshot(): JobSnapshot {
    return this.job.snapshot;
  }

  get description(): string {
    return this.source.displaySet.SeriesDescription ?? 'CT';
  }

  get toldStrength(): number {
    return this.strength;
  }

  /** The live series: what OHIF lists beside the original. */
  get derived(): readonly DerivedSeries[] {
    return [this.denoisedSeries, this.differenceSeries];
  }

  owns(displaySetUid: string): boolean {
    return Object.values(this.displaySets).includes(displaySetUid);
  }

  has(sopInstanceUid: string): boolean {
    return this.slices.has(sopInstanceUid);
  }

  indexOf(imageId: string): number {
    const same = (slice: { readonly imageId: string }) => slice.imageId === imageId;
    for (const { slices } of [this.source, ...this.derived]) {
      const index = slices.findIndex(same);
      if (index >= 0) return index;
    }
    return -1;
  }

  /** The core sorts slices by their position in the patient, the viewer in its own way. */
  placeOf(sopInstanceUid: string): number {
    return instancesOf(this.source.displaySet).findIndex(one => one.SOPInstanceUID === sopInstanceUid) + 1;
  }

  /** Image id of a source slice in one of the derived series. */
  imageIdOf(series: DerivedSeries, sopInstanceUid: string): string {
    const slice = series.slices.find(one => one.source.instance.SOPInstanceUID === sopInstanceUid);
    if (!slice) throw new RangeError(`${sopInstanceUid} is not in this series`);
    return slice.imageId;
  }

  denoised(sopInstanceUid: string): Promise<DenoisedSlice> {
    return this.job.whenDone(sopInstanceUid);
  }

  /** The slice if it is denoised, else the one that is first; never resolves when the run is closed before. */
  someDone(preferredUid: string): Promise<DenoisedSlice> {
    const done = this.job.result(preferredUid) ?? this.first;
    return done ? Promise.resolve(done) : new Promise(resolve => this.hoping.push(resolve));
  }

  /**
   * The slice somebody looks at: done next, and the others outward from it. Only the latest look counts, so that slices scrolled past
   * do not queue up before the one that is on screen now.
   */
  lookAt(sopInstanceUid: string): void {
    if (!this.slices.has(sopInstanceUid)) return;
    this.look?.abort();
    this.job.focus(sopInstanceUid);
    if (this.job.result(sopInstanceUid)) return;
    this.look = new AbortController();
    // The result arrives as a `slice` event like all others; a failure too.
    this.job.request(sopInstanceUid, this.look.signal).catch(() => undefined);
  }

  async shownHu(sopInstanceUid: string): Promise<Float32Array | null> {
    const done = this.job.result(sopInstanceUid);
    return done && blend(await this.sourceHu(sopInstanceUid), done.hu, this.strength);
  }

  sourceHu(sopInstanceUid: string): Promise<SliceHu> {
    const kept = this.recent.get(sopInstanceUid);
    if (kept) return kept;
    const slice = this.slices.get(sopInstanceUid);
    if (!slice) return Promise.reject(new RangeError(`${sopInstanceUid} is not in this series`));
    const loaded = slice.loadHu();
    this.recent.set(sopInstanceUid, loaded);
    loaded.catch(() => this.recent.delete(sopInstanceUid));
    for (const oldest of this.recent.keys()) {
      if (this.recent.size <= KEPT_SOURCES) break;
      this.recent.delete(oldest);
    }
    return loaded;
  }

  /**
   * When the series of a strength was made: the first time it is saved. The UIDs of its instances follow from what they were made with, so
   * saving once more, or going on after a fault, must give the same files.
   */
  createdAt(strength: number): Date {
    const moment = this.made.get(strength) ?? new Date();
    this.made.set(strength, moment);
    return moment;
  }

  dispose(): void {
    this.disposed = true;
    this.unsubscribe();
    this.look?.abort();
    this.guard.dispose();
    this.job.dispose();
    this.recent.clear();
  }

  private receive(event: JobEvent): void {
    if (event.kind === 'slice') {
      const uid = event.slice.sopInstanceUid;
      this.failed.delete(uid);
      this.first ??= event.slice;
      this.hoping.splice(0).forEach(resolve => resolve(event.slice));
      void this.assess(event.slice);
    } else if (event.kind === 'slice-failed') {
      this.failed.set(event.sopInstanceUid, event.fault);
    } else if (event.kind === 'engine-restarting') {
      this.repair = { fault: event.fault, provider: event.next };
    } else if (event.kind === 'changed') {
      const { state, engine } = event.snapshot;
      if (state === 'checking') this.repair = null;
      if (state === 'done' && this.failed.size === 0) void this.guard.begin();
      // Opening again may move on to another provider than was meant.
      if (this.repair && engine) this.repair = { ...this.repair, provider: engine.provider };
    }
    this.emit({ kind: 'job', run: this, event });
  }

  /** When nothing else is to do: the slice itself comes on screen first. */
  private async assess(slice: DenoisedSlice): Promise<void> {
    await idle();
    if (this.disposed) return;
    // Not through `sourceHu`, which keeps the slices on screen. A slice whose original cannot be read again is not among the figures.
    const source = await this.slices
      .get(slice.sopInstanceUid)
      ?.loadHu()
      .catch(() => null);
    if (!source || this.disposed) return;
    this.residual.add(slice.sopInstanceUid, sliceStatistics(source, slice.hu));
    this.emit({ kind: 'assessed' });
  }
}
