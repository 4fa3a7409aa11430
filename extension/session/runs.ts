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

/**
 * The runs of a session, by the series they denoise. One at a time computes: the one that was started last. The others wait behind it, the latest first, and
 * go on by themselves.
 */
export class Runs {
  private readonly runs = new Set<Run>();
  /** What computes, then what waits. A run that the user has paused is not in it. */
  private readonly queue: Run[] = [];

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

  /** What computes, then what waits for it. */
  get queued(): readonly Run[] {
    return this.queue;
  }

  /** Is it in the queue, behind another one? */
  waits(run: Run): boolean {
    return this.queue.indexOf(run) > 0;
  }

  /** Starts, resumes or goes on, whatever the state asks for, before all others. */
  start(run: Run): void {
    this.dequeue(run);
    if (run.snapshot.state === 'done' && run.failed.size === 0) return this.advance();
    this.queue.unshift(run);
    this.advance();
  }

  /** Until it is started again; the next one goes on. */
  pause(run: Run): void {
    const { state } = run.snapshot;
    if (state !== 'running' && !this.waits(run)) return;
    this.dequeue(run);
    if (state === 'running') run.job.pause();
    this.advance();
  }

  /** The run is no longer found by its display sets; it still has its results, and may be put back. */
  takeOut(run: Run): void {
    this.runs.delete(run);
    this.dequeue(run);
    if (run.snapshot.state === 'running') run.job.pause();
    this.advance();
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
    this.queue.splice(0);
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

  private dequeue(run: Run): void {
    const at = this.queue.indexOf(run);
    if (at >= 0) this.queue.splice(at, 1);
  }

  /** Lets the first of the queue compute, and no other. */
  private advance(): void {
    const [first, ...waiting] = this.queue;
    for (const run of waiting) if (run.snapshot.state === 'running') run.job.pause();
    if (!first) return;
    const { state } = first.snapshot;
    if (state === 'paused') first.job.resume();
    else if (['idle', 'cancelled', 'failed', 'done'].includes(state)) void first.job.start();
  }

  private receive(event: RunEvent): void {
    this.emit(event);
    if (event.kind !== 'job' || event.event.kind !== 'changed') return;
    const { run } = event;
    const { state } = event.event.snapshot;
    // It was still being prepared when another one was started.
    if (state === 'running' && this.waits(run)) run.job.pause();
    else if (['done', 'cancelled', 'failed'].includes(state) && this.queue.includes(run)) {
      this.dequeue(run);
      this.advance();
    }
  }
}
