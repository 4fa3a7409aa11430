import type * as core from '@cornerstonejs/core';
import { judgeSeries, type Verdict } from '../../src/ct';
import type { JobEvent } from '../../src/denoise';
import type { Engine, ModelCard } from '../../src/engine';
import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import { DerivedRegistry } from '../derived/registry';
import type { DerivedKind, DerivedSeries } from '../derived/series';
import { PROTOCOL_ID } from '../id';
import { ROLE_ATTRIBUTE, SLICE_ATTRIBUTE, type Role, type StageId } from '../getHangingProtocolModule';
import { cornerstoneOf, type DisplaySet, type ExtensionContext, type Subscription } from '../ohif';
import { createEngine, type EngineChoice } from './engine';
import { watchSlices } from './focus';
import { RoiTracker } from './roi';
import { Run } from './run';
import { Saver } from './saver';
import { instancesOf, sourceSeries } from './source';

/** A run and the display sets that show it; the difference is made when it is first asked for. */
export interface OpenRun {
  readonly run: Run;
  readonly sourceUid: string;
  readonly denoisedUid: string;
  differenceUid: string | null;
}

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
  /** Counts changes, for React's useSyncExternalStore. */
  version = 0;
  readonly cornerstone: typeof core;
  readonly registry: DerivedRegistry;
  readonly saver: Saver;
  readonly regions: RoiTracker;
  card: ModelCard | null = null;
  cardFault: Fault | Refusal | null = null;
  stage: StageId = 'single';

  private engine: Engine | null = null;
  private readonly runs = new Map<string, OpenRun>();
  /** The run whose series the hanging protocol hangs. */
  private hung: OpenRun | null = null;
  private readonly verdicts = new Map<string, Verdict>();
  private readonly listeners = new Set<() => void>();
  private readonly subscriptions: Subscription[] = [];
  private readonly slices: { stop(): void };
  private readonly shown = new Map<string, string>();
  private announcing = 0;

  constructor(
    private readonly context: ExtensionContext,
    private readonly engineChoice: EngineChoice,
  ) {
    const libraries = cornerstoneOf(context.extensionManager);
    const { cornerstone } = libraries;
    this.cornerstone = cornerstone;
    this.registry = new DerivedRegistry(cornerstone);
    const { dataSource } = this;
    this.saver = new Saver({
      dataSource,
      authorizationHeader: () => this.services.userAuthenticationService.getAuthorizationHeader() ?? {},
      stored: (study, series) => this.listStored(study, series),
      changed: () => this.announce(),
    });
    void this.saver.findUnfinished();
    this.regions = new RoiTracker(
      libraries,
      () => this.active()?.open?.run ?? null,
      () => this.announce(),
    );
    this.slices = watchSlices(cornerstone, (imageId, viewportId) => this.onImage(imageId, viewportId));
    const { viewportGridService, displaySetService, hangingProtocolService } = this.services;
    hangingProtocolService.addCustomAttribute(ROLE_ATTRIBUTE, 'Part in the comparison', (one: DisplaySet) =>
      this.roleOf(one),
    );
    hangingProtocolService.addCustomAttribute(SLICE_ATTRIBUTE, 'Slice shown now', (sets: DisplaySet[]) =>
      this.currentSlice(sets),
    );
    const { ACTIVE_VIEWPORT_ID_CHANGED, GRID_STATE_CHANGED } = viewportGridService.EVENTS;
    this.subscriptions.push(
      viewportGridService.subscribe(ACTIVE_VIEWPORT_ID_CHANGED, () => {
        this.regions.schedule();
        this.announce();
      }),
      viewportGridService.subscribe(GRID_STATE_CHANGED, () => this.announce()),
      displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_CHANGED, () => this.announce()),
      displaySetService.subscribe(
        displaySetService.EVENTS.DISPLAY_SETS_REMOVED,
        ({ displaySetInstanceUIDs }: { displaySetInstanceUIDs: string[] }) =>
          this.onRemoved(displaySetInstanceUIDs),
      ),
    );
    void this.readCard();
  }

  get services() {
    return this.context.servicesManager.services;
  }

  get dataSource() {
    return this.context.extensionManager.getActiveDataSource()[0]!;
  }

  get openRuns(): readonly OpenRun[] {
    return [...this.runs.values()];
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

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
    if (!wanted) throw new DenoiseError({ kind: 'refusal', code: 'empty-series' });
    const open = this.runOf(wanted.displaySetInstanceUID) ?? this.open(wanted);
    this.pauseOthers(open);
    const { state } = open.run.snapshot;
    if (state === 'paused') open.run.job.resume();
    else if (state === 'idle' || state === 'cancelled' || state === 'failed') void open.run.job.start();
    else if (state === 'done' && open.run.failed.size > 0) void open.run.job.start();
    this.show(open, this.stage === 'single' ? 'compare' : this.stage);
    return open;
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
    run.strength = strength;
    this.announce();
    this.regions.schedule();
    void this.registry.repaint([run.denoisedSeries, run.differenceSeries]);
  }

  setStage(stage: StageId): void {
    const open = this.active()?.open ?? this.hung ?? this.openRuns[0];
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

  /** Closes a run: its live series leave the study list, its results are freed. The original stays as it is. */
  close(open: OpenRun = this.required()): void {
    this.runs.delete(open.sourceUid);
    if (this.hung === open) this.hung = null;
    open.run.dispose();
    const { displaySetService, cornerstoneCacheService } = this.services;
    this.show(null, 'single', open);
    for (const uid of [open.denoisedUid, open.differenceUid]) {
      if (uid === null) continue;
      if (displaySetService.getDisplaySetByUID(uid)) displaySetService.deleteDisplaySet(uid);
      cornerstoneCacheService?.stackImageIds?.delete(uid);
    }
    this.registry.remove(open.run.denoisedSeries);
    this.registry.remove(open.run.differenceSeries);
    this.announce();
  }

  async dispose(): Promise<void> {
    this.slices.stop();
    this.saver.cancel();
    this.regions.dispose();
    cancelAnimationFrame(this.announcing);
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
    this.listeners.clear();
    for (const { run } of this.runs.values()) {
      run.dispose();
      this.registry.remove(run.denoisedSeries);
      this.registry.remove(run.differenceSeries);
    }
    this.runs.clear();
    this.hung = null;
    this.registry.dispose();
    const { engine } = this;
    this.engine = null;
    await engine?.dispose();
  }

  /** Tells listeners that something changed; many changes in one turn of the event loop are told once. */
  announce(): void {
    if (this.announcing) return;
    this.announcing = requestAnimationFrame(() => {
      this.announcing = 0;
      this.version++;
      this.listeners.forEach(listener => listener());
      const { toolbarService, viewportGridService } = this.services;
      toolbarService.refreshToolbarState({ viewportId: viewportGridService.getActiveViewportId() });
    });
  }

  /** SOP Instance UID of the original slice a viewport shows; null for other images. */
  shownSlice(viewportId: string): string | null {
    const imageId = this.shown.get(viewportId);
    if (imageId === undefined) return null;
    return this.sourceUidOf(imageId);
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
    this.engine ??= createEngine(this.engineChoice);
    const source = sourceSeries(displaySet, this.dataSource, this.cornerstone);
    const viewportId = this.services.viewportGridService.getActiveViewportId();
    const shown = viewportId ? this.shown.get(viewportId) : undefined;
    const focus = source.slices.find(slice => slice.imageId === shown)?.instance.SOPInstanceUID;
    const run = new Run(source, this.engine, focus, (which, event) => this.onJob(which, event));
    this.registry.add(run.denoisedSeries, run);
    this.registry.add(run.differenceSeries, run);
    const open: OpenRun = {
      run,
      sourceUid: displaySet.displaySetInstanceUID,
      denoisedUid: this.list(run.denoisedSeries),
      differenceUid: null,
    };
    this.runs.set(open.sourceUid, open);
    return open;
  }

  /** Makes OHIF list a live series; gives its display set's UID. */
  private list(series: DerivedSeries): string {
    const { displaySetService } = this.services;
    const thumbnail = series.slices[Math.floor(series.slices.length / 2)]!.imageId;
    const [displaySet] =
      displaySetService.makeDisplaySets(
        series.slices.map(slice => slice.instance),
        {
          madeInClient: true,
          settings: {
            isclKind: series.kind satisfies DerivedKind,
            // The data source would ask the server for a picture of a series it does not have.
            getThumbnailSrc: ({ getImageSrc }: { getImageSrc: (imageId: string) => Promise<string> }) =>
              getImageSrc(thumbnail).catch(() => undefined),
          },
        },
      ) ?? [];
    if (!displaySet) throw new Error('OHIF made no display set of the derived series');
    return displaySet.displaySetInstanceUID;
  }

  private show(open: OpenRun | null, stage: StageId, instead?: OpenRun): void {
    if (open && stage === 'review' && open.differenceUid === null) {
      open.differenceUid = this.list(open.run.differenceSeries);
    }
    this.hung = open;
    this.stage = stage;
    const { hangingProtocolService, displaySetService } = this.services;
    const { activeStudy } = hangingProtocolService.getActiveProtocol();
    if (activeStudy) {
      const gone = instead ? [instead.denoisedUid, instead.differenceUid] : [];
      const displaySets = displaySetService
        .getActiveDisplaySets()
        .filter(one => !gone.includes(one.displaySetInstanceUID));
      const studies = hangingProtocolService.studies ?? [activeStudy];
      // Run again rather than change the stage: the service keeps the list of display sets of its last run.
      hangingProtocolService.run({ studies, activeStudy, displaySets }, PROTOCOL_ID, { stageId: stage });
    }
    this.announce();
  }

  private judge(displaySet: DisplaySet): Verdict {
    const key = displaySet.displaySetInstanceUID;
    const known = this.verdicts.get(key);
    if (known) return known;
    const verdict = judgeSeries([...instancesOf(displaySet)], this.card?.domain ?? null);
    this.verdicts.set(key, verdict);
    return verdict;
  }

  private async readCard(): Promise<void> {
    try {
      this.engine ??= createEngine(this.engineChoice);
      this.card = await this.engine.card();
      this.verdicts.clear();
    } catch (error) {
      if (error instanceof DenoiseError) this.cardFault = error.notice;
      else throw error;
    }
    this.announce();
  }

  /** Asks the data source for a series that was just stored, so that it is listed beside the live one. */
  private async listStored(studyInstanceUid: string, seriesInstanceUid: string): Promise<void> {
    const { dataSource } = this;
    if (this.services.displaySetService.getDisplaySetsForSeries(seriesInstanceUid).length > 0) return;
    dataSource.deleteStudyMetadataPromise?.(studyInstanceUid);
    await dataSource.retrieve.series.metadata({
      StudyInstanceUID: studyInstanceUid,
      filters: { seriesInstanceUID: [seriesInstanceUid] },
      madeInClient: true,
    });
  }

  required(): OpenRun {
    const open = this.active()?.open ?? this.hung;
    if (!open) throw new DenoiseError({ kind: 'refusal', code: 'empty-series' });
    return open;
  }

  private pauseOthers(open: OpenRun): void {
    for (const other of this.runs.values()) {
      if (other !== open && other.run.snapshot.state === 'running') other.run.job.pause();
    }
  }

  private roleOf(displaySet: DisplaySet): Role | undefined {
    const uid = displaySet.displaySetInstanceUID;
    if (!this.hung) return undefined;
    if (uid === this.hung.sourceUid) return 'original';
    if (uid === this.hung.denoisedUid) return 'denoised';
    if (uid === this.hung.differenceUid) return 'difference';
    return undefined;
  }

  /** Where a viewport that is about to be hung should start: at the slice the active viewport shows. */
  private currentSlice(displaySets: DisplaySet[]): { index: number } | undefined {
    const viewportId = this.services.viewportGridService.getActiveViewportId();
    const uid = viewportId ? this.shownSlice(viewportId) : null;
    const [displaySet] = displaySets;
    if (!displaySet || uid === null) return undefined;
    const index = instancesOf(displaySet).findIndex(
      instance =>
        instance.SOPInstanceUID === uid ||
        this.registry.sliceOf(instance.imageId ?? '')?.source.instance.SOPInstanceUID === uid,
    );
    return index < 0 ? undefined : { index };
  }

  private sourceUidOf(imageId: string): string | null {
    const derived = this.registry.sliceOf(imageId);
    if (derived) return derived.source.instance.SOPInstanceUID;
    const instance = this.cornerstone.metaData.get('instance', imageId) as
      { SOPInstanceUID?: string } | undefined;
    return instance?.SOPInstanceUID ?? null;
  }

  private onImage(imageId: string, viewportId: string): void {
    this.shown.set(viewportId, imageId);
    const uid = this.sourceUidOf(imageId);
    if (uid === null) return;
    for (const { run } of this.runs.values()) if (run.has(uid)) run.job.focus(uid);
    this.announce();
  }

  private onJob(run: Run, event: JobEvent): void {
    if (event.kind === 'slice') {
      const uid = event.slice.sopInstanceUid;
      void this.registry.refreshVolumes(run.denoisedSeries, uid);
      void this.registry.refreshVolumes(run.differenceSeries, uid);
      this.regions.schedule();
    }
    this.announce();
  }

  private onRemoved(uids: readonly string[]): void {
    for (const uid of uids) {
      const open = this.runs.get(uid);
      if (open) this.close(open);
    }
  }
}
