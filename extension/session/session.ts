import type * as core from '@cornerstonejs/core';
import { judgeSeries, type Verdict } from '../../src/ct';
import type { JobEvent } from '../../src/denoise';
import { DenoiseError } from '../../src/notices';
import { DerivedRegistry } from '../derived/registry';
import { renewStrengthLabels } from '../derived/strength-label';
import type { StageId } from '../getHangingProtocolModule';
import { cornerstoneOf, type DisplaySet, type ExtensionContext, type Subscription } from '../ohif';
import { Announcer } from './announcer';
import { createEngine, type EngineChoice } from './engine';
import { PROTOCOL_ID } from '../id';
import { Comparison } from './comparison';
import { listLive, listStored, markStored, unlistLive } from './listing';
import { RoiTracker } from './roi';
import { Run, type OpenRun } from './run';
import { Saver } from './saver';
import { SessionModel } from './model';
import { instancesOf, sourceSeries } from './source';

/** What the active viewport shows, for the button and the panel. */
export interface ActiveSeries {
  readonly displaySet: DisplaySet;
  /** Verdict on the original: of the run it belongs to, when it belongs to one. */
  readonly verdict: Verdict;
  readonly open: OpenRun | null;
}

/**
 * All that lives while the mode is open: one engine, the runs, the live series, and what they are told by the viewer. OHIF-facing
 * code (commands, panel, toolbar) reads and drives this; `dispose` leaves nothing behind.
 */
export class Session {
  readonly cornerstone: typeof core;
  readonly registry: DerivedRegistry;
  readonly saver: Saver;
  readonly regions: RoiTracker;
  readonly model: SessionModel;

  private readonly runs = new Map<string, OpenRun>();
  private readonly verdicts = new Map<string, Verdict>();
  private readonly announcer: Announcer;
  private readonly subscriptions: Subscription[] = [];
  private readonly comparison: Comparison;
  /** The run that was started last: one at a time computes. */
  private latest: OpenRun | null = null;

  constructor(
    private readonly context: ExtensionContext,
    engineChoice: EngineChoice,
  ) {
    const libraries = cornerstoneOf(context.extensionManager);
    const { cornerstone } = libraries;
    this.cornerstone = cornerstone;
    this.announcer = new Announcer(this.services, () => {
      const active = this.active();
      const viewportId = this.services.viewportGridService.getActiveViewportId();
      return `${viewportId} ${active?.displaySet.displaySetInstanceUID} ${active?.verdict.kind}`;
    });
    this.model = new SessionModel(
      () => createEngine(engineChoice),
      () => {
        // They were made without the model's domain.
        this.verdicts.clear();
        this.announce();
      },
    );
    this.registry = new DerivedRegistry(cornerstone);
    this.comparison = new Comparison({
      services: this.services,
      cornerstone,
      registry: this.registry,
      runOf: uid => this.runOf(uid),
      onChosen: open => this.show(open, this.comparison.stage),
      onSlice: (uid, awaited) => this.onSlice(uid, awaited),
    });
    const { dataSource } = this;
    this.saver = new Saver({
      dataSource,
      authorizationHeader: () => this.services.userAuthenticationService.getAuthorizationHeader() ?? {},
      stored: (study, series) => listStored(this.services.displaySetService, this.dataSource, study, series),
      changed: () => this.announce(),
    });
    void this.saver.findUnfinished();
    this.regions = new RoiTracker(
      libraries,
      () => this.active()?.open?.run ?? null,
      () => this.announce(),
    );
    const { viewportGridService, displaySetService } = this.services;
    const { ACTIVE_VIEWPORT_ID_CHANGED, GRID_STATE_CHANGED } = viewportGridService.EVENTS;
    this.subscriptions.push(
      viewportGridService.subscribe(ACTIVE_VIEWPORT_ID_CHANGED, () => {
        this.regions.schedule();
        this.announce();
      }),
      viewportGridService.subscribe(GRID_STATE_CHANGED, () => {
        if (this.stage !== null) this.comparison.onGrid();
        this.announce();
      }),
      displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_CHANGED, () => this.announce()),
      displaySetService.subscribe(
        displaySetService.EVENTS.DISPLAY_SETS_ADDED,
        ({ displaySetsAdded }: { displaySetsAdded: DisplaySet[] }) => displaySetsAdded.forEach(markStored),
      ),
      displaySetService.subscribe(
        displaySetService.EVENTS.DISPLAY_SETS_REMOVED,
        ({ displaySetInstanceUIDs }: { displaySetInstanceUIDs: string[] }) =>
          this.onRemoved(displaySetInstanceUIDs),
      ),
    );
  }

  get services() {
    return this.context.servicesManager.services;
  }

  get dataSource() {
    return this.context.extensionManager.getActiveDataSource()[0]!;
  }

  /** The stage that hangs now; null under another hanging protocol, such as MPR. */
  get stage(): StageId | null {
    const { protocol } = this.services.hangingProtocolService.getActiveProtocol();
    return protocol?.id === PROTOCOL_ID ? this.comparison.stage : null;
  }

  subscribe = (listener: () => void): (() => void) => this.announcer.subscribe(listener);

  /** Counts changes, for React's useSyncExternalStore. */
  get version(): number {
    return this.announcer.version;
  }

  /** The series in a viewport (default: the active one); null when it shows none. */
  active(viewportId = this.services.viewportGridService.getActiveViewportId()): ActiveSeries | null {
    if (!viewportId) return null;
    const { viewportGridService, displaySetService } = this.services;
    const [uid] = viewportGridService.getState().viewports.get(viewportId)?.displaySetInstanceUIDs ?? [];
    const displaySet = uid === undefined ? undefined : displaySetService.getDisplaySetByUID(uid);
    if (!displaySet) return null;
    const open = this.runOf(displaySet.displaySetInstanceUID);
    const original = open ? open.run.source.displaySet : displaySet;
    return { displaySet, verdict: this.judge(original), open };
  }

  /** Starts (or shows, or resumes) the denoising of a display set, default the active one. */
  async start(displaySetUid?: string): Promise<OpenRun> {
    const wanted =
      displaySetUid === undefined
        ? this.active()?.displaySet
        : this.services.displaySetService.getDisplaySetByUID(displaySetUid);
    if (!wanted) throw new DenoiseError({ kind: 'refusal', code: 'no-series' });
    const open = this.runOf(wanted.displaySetInstanceUID) ?? this.open(wanted);
    this.latest = open;
    this.pauseOthers(open);
    const { state } = open.run.snapshot;
    if (state === 'paused') open.run.job.resume();
    else if (state === 'idle' || state === 'cancelled' || state === 'failed') void open.run.job.start();
    else if (state === 'done' && open.run.failed.size > 0) void open.run.job.start();
    // With the engine ready, the first slice is on its way to the worker before the viewer's layout takes this thread.
    await new Promise(resolve => setTimeout(resolve));
    if (this.runs.get(open.sourceUid) !== open) return open;
    this.show(open, this.stage === 'review' ? 'review' : 'compare');
    return open;
  }

  /**
   * The run of the active viewport, or of the comparison where the active viewport shows nothing: a command must not take another series than
   * the one that is looked at.
   * @throws DenoiseError `not-denoised`
   */
  required(): OpenRun {
    const active = this.active();
    const open = active ? active.open : this.comparison.hung;
    if (!open) throw new DenoiseError({ kind: 'refusal', code: 'not-denoised' });
    return open;
  }

  /**
   * The run of the active viewport, all of whose slices are denoised.
   * @throws DenoiseError `not-denoised`, `incomplete`
   */
  complete(): Run {
    const { run } = this.required();
    const { done, total } = run.snapshot.progress;
    if (done < total) throw new DenoiseError({ kind: 'refusal', code: 'incomplete', done, total });
    return run;
  }

  cancel(): void {
    const { run } = this.required();
    if (['checking', 'loading', 'testing', 'running', 'paused'].includes(run.snapshot.state))
      run.job.cancel();
  }

  pause(): void {
    const { run } = this.required();
    if (run.snapshot.state === 'running') run.job.pause();
  }

  /** @param strength 0 to 1; what is shown now and what will be saved */
  setStrength(strength: number): void {
    if (!(strength >= 0 && strength <= 1)) throw new RangeError(`strength ${strength} is not within 0 and 1`);
    const { run } = this.required();
    if (run.strength === strength) return;
    run.strength = strength;
    for (const { slices } of [run.denoisedSeries, run.differenceSeries]) {
      renewStrengthLabels(slices[0]!.instance.SeriesInstanceUID, strength);
    }
    this.announce();
    this.regions.schedule();
    void this.registry
      .repaint([run.denoisedSeries, run.differenceSeries])
      .then(() => this.comparison.repainted());
  }

  setStage(stage: StageId): void {
    const open = this.active()?.open ?? this.comparison.hung ?? [...this.runs.values()][0];
    if (!open && stage !== 'single') return;
    this.show(open ?? null, stage);
  }

  /** Original and denoised take each other's place in the active viewport, at the same slice and window. */
  toggleOriginal(): void {
    const { viewportGridService } = this.services;
    const viewportId = viewportGridService.getActiveViewportId();
    const active = this.active();
    if (!viewportId || !active?.open) return;
    const { sourceUid, denoisedUid } = active.open;
    const next = active.displaySet.displaySetInstanceUID === denoisedUid ? sourceUid : denoisedUid;
    viewportGridService.setDisplaySetsForViewports([{ viewportId, displaySetInstanceUIDs: [next] }]);
  }

  /** Closes a run: its live series leave the study list, its results are freed, a save of it is cancelled. The original stays as it is. */
  async close(open: OpenRun = this.required()): Promise<void> {
    this.runs.delete(open.sourceUid);
    if (this.latest === open) this.latest = null;
    await this.saver.abandon(open.run);
    const { denoisedSeries, differenceSeries } = open.run;
    const uids = [open.denoisedUid, open.differenceUid];
    this.comparison.show(null, 'single', uids);
    this.announce();
    const images = [...denoisedSeries.slices, ...differenceSeries.slices].map(slice => slice.imageId);
    await this.comparison.released(new Set(images));
    await endRun(open.run);
    for (const uid of uids) if (uid !== null) unlistLive(this.services, uid);
    this.registry.remove(denoisedSeries);
    this.registry.remove(differenceSeries);
    this.announce();
  }

  async dispose(): Promise<void> {
    this.comparison.dispose();
    if (this.saver.busy) this.tellOfCutOffSave();
    this.saver.cancel();
    this.regions.dispose();
    this.announcer.dispose();
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    const runs = [...this.runs.values()].map(({ run }) => run);
    this.runs.clear();
    await Promise.all(runs.map(endRun));
    for (const run of runs) {
      this.registry.remove(run.denoisedSeries);
      this.registry.remove(run.differenceSeries);
    }
    this.registry.dispose();
    await this.model.dispose();
  }

  announce(): void {
    this.announcer.announce();
  }

  /** Strength of a live derived series, 0 to 1; null for a series that is none. */
  strengthOf(seriesInstanceUid: string): number | null {
    for (const { run } of this.runs.values()) {
      const live = [run.denoisedSeries, run.differenceSeries].map(
        ({ slices }) => slices[0]!.instance.SeriesInstanceUID,
      );
      if (live.includes(seriesInstanceUid)) return run.strength;
    }
    return null;
  }

  /** The run a display set belongs to: as its original, its denoised or its difference series. */
  runOf(displaySetUid: string): OpenRun | null {
    for (const open of this.runs.values()) {
      if ([open.sourceUid, open.denoisedUid, open.differenceUid].includes(displaySetUid)) return open;
    }
    return null;
  }

  private open(displaySet: DisplaySet): OpenRun {
    const verdict = this.judge(displaySet);
    if (verdict.kind === 'refused') throw new DenoiseError(verdict.reasons[0]!);
    const source = sourceSeries(displaySet, this.dataSource, this.cornerstone);
    const viewportId = this.services.viewportGridService.getActiveViewportId();
    const shown = viewportId ? this.comparison.imageIn(viewportId) : undefined;
    const focus = source.slices.find(slice => slice.imageId === shown)?.instance.SOPInstanceUID;
    const run = new Run(
      source,
      this.model.engine,
      focus,
      (which, event) => this.onJob(which, event),
      () => this.announce(),
    );
    this.registry.add(run.denoisedSeries, run);
    this.registry.add(run.differenceSeries, run);
    const open: OpenRun = {
      run,
      sourceUid: displaySet.displaySetInstanceUID,
      denoisedUid: listLive(this.services.displaySetService, run.denoisedSeries, run),
      differenceUid: null,
    };
    this.runs.set(open.sourceUid, open);
    return open;
  }

  private show(open: OpenRun | null, stage: StageId): void {
    if (open && stage === 'review') {
      open.differenceUid ??= listLive(this.services.displaySetService, open.run.differenceSeries, open.run);
    }
    this.comparison.show(open, stage);
    this.announce();
  }

  private judge(displaySet: DisplaySet): Verdict {
    const key = displaySet.displaySetInstanceUID;
    const known = this.verdicts.get(key);
    if (known) return known;
    const verdict = judgeSeries([...instancesOf(displaySet)], this.model.card?.domain ?? null);
    this.verdicts.set(key, verdict);
    return verdict;
  }

  private pauseOthers(open: OpenRun): void {
    for (const other of this.runs.values()) {
      if (other !== open && other.run.snapshot.state === 'running') other.run.job.pause();
    }
  }

  private onSlice(sopInstanceUid: string, awaited: boolean): void {
    if (this.active()?.verdict.kind === 'accepted') this.model.warmUp();
    for (const { run } of this.runs.values()) {
      if (!run.has(sopInstanceUid)) continue;
      if (awaited) run.lookAt(sopInstanceUid);
      else run.job.focus(sopInstanceUid);
    }
  }

  private onJob(run: Run, event: JobEvent): void {
    if (event.kind === 'slice') {
      const uid = event.slice.sopInstanceUid;
      for (const series of [run.denoisedSeries, run.differenceSeries]) {
        const imageId = run.imageIdOf(series, uid);
        // A slice that cannot be read any more stays covered.
        this.comparison.ready(imageId).catch(() => undefined);
      }
      this.regions.schedule();
    } else if (event.kind === 'changed') {
      const { state } = event.snapshot;
      if (run === this.comparison.hung?.run && ['loading', 'running'].includes(state))
        this.comparison.awaiting();
      // It was still being prepared when another one was started.
      if (state === 'running' && this.latest && run !== this.latest.run) run.job.pause();
    }
    this.announce();
  }

  private onRemoved(uids: readonly string[]): void {
    for (const uid of uids) {
      const open = this.runOf(uid);
      if (!open) continue;
      if (uid === open.differenceUid) open.differenceUid = null;
      else void this.close(open);
    }
  }

  private tellOfCutOffSave(): void {
    this.services.uiNotificationService.show({
      title: 'Saving was cut off',
      message:
        'The study was closed while a denoised series was being saved. What was already written stays; an unfinished store to the archive is offered when the study is opened again.',
      type: 'warning',
      duration: 15_000,
    });
  }
}

/** Ends a run; images that were waiting for it come as blanks before its series are removed from the cache. */
async function endRun(run: Run): Promise<void> {
  run.dispose();
  await new Promise(resolve => setTimeout(resolve));
}
