import type { JobState } from '../../src/denoise';
import type { Engine } from '../../src/engine';
import type { DerivedRegistry } from '../derived/registry';
import type { DerivedSeries } from '../derived/series';
import type { Services } from '../ohif';
import type { OhifSeries } from '../source';
import type { GuardSettings } from './guard';
import { listLive, unlistLive } from './listing';
import { Run, type RunEvent } from './run';

const COMPUTING: readonly JobState[] = ['checking', 'loading', 'testing', 'running'];

/** The runs of a session, by the series they denoise. One at a time computes: the one that was started last. */
export class Runs {
  private readonly runs = new Set<Run>();
  private latest: Run | null = null;

  constructor(
    private readonly services: Services,
    private readonly registry: DerivedRegistry,
    private readonly guard: GuardSettings,
    private readonly emit: (event: RunEvent) => void,
  ) {}

  get all(): readonly Run[] {
    return [...this.runs];
  }

  /** The run that a display set belongs to: as its original, its denoised or its difference series. */
  of(displaySetUid: string): Run | null {
    return this.all.find(run => run.owns(displaySetUid)) ?? null;
  }

  /** A series computes. */
  private get busy(): boolean {
    return this.all.some(({ snapshot: { state } }) => COMPUTING.includes(state));
  }

  has(run: Run): boolean {
    return this.runs.has(run);
  }

  /** @param focus SOP Instance UID of the slice on screen */
  open(source: OhifSeries, engine: Engine, focus: string | undefined): Run {
    const run = new Run(source, engine, focus, { settings: this.guard, busy: () => this.busy }, event =>
      this.receive(event),
    );
    for (const series of run.derived) this.registry.add(series, run);
    run.displaySets.denoised = this.list(run, run.denoisedSeries);
    this.runs.add(run);
    return run;
  }

  listDifference(run: Run): void {
    run.displaySets.difference ??= this.list(run, run.differenceSeries);
  }

  /** Starts, resumes or goes on, whatever the state asks for; other runs are paused. */
  start(run: Run): void {
    this.latest = run;
    for (const other of this.runs) {
      if (other !== run && other.snapshot.state === 'running') other.job.pause();
    }
    const { state } = run.snapshot;
    if (state === 'paused') run.job.resume();
    else if (['idle', 'cancelled', 'failed'].includes(state) || (state === 'done' && run.failed.size > 0)) {
      void run.job.start();
    }
  }

  /** The run is no longer found by its display sets; it still has its results, and may be put back. */
  takeOut(run: Run): void {
    this.runs.delete(run);
    if (this.latest === run) this.latest = null;
  }

  putBack(run: Run): void {
    this.runs.add(run);
  }

  /** Frees a run that was taken out and that no viewport shows any more. */
  async end(run: Run): Promise<void> {
    await this.free(run);
    for (const uid of [run.displaySets.denoised, run.displaySets.difference]) {
      if (uid !== null) unlistLive(this.services, uid);
    }
    for (const series of run.derived) this.registry.remove(series);
  }

  /** The mode is left: OHIF forgets its display sets by itself. */
  async dispose(): Promise<void> {
    const { all } = this;
    this.runs.clear();
    await Promise.all(all.map(run => this.free(run)));
    for (const series of all.flatMap(run => run.derived)) this.registry.remove(series);
  }

  private list(run: Run, series: DerivedSeries): string {
    return listLive(this.services.displaySetService, series, run);
  }

  /** Images that were waiting for the run come as blanks before its series are removed from the cache. */
  private async free(run: Run): Promise<void> {
    run.dispose();
    await new Promise(resolve => setTimeout(resolve));
  }

  private receive(event: RunEvent): void {
    this.emit(event);
    if (event.kind !== 'job' || event.event.kind !== 'changed') return;
    // It was still being prepared when another one was started.
    const { state } = event.event.snapshot;
    if (state === 'running' && this.latest && event.run !== this.latest) event.run.job.pause();
  }
}
