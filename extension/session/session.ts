import type { JobEvent } from '../../src/denoise';
import { DenoiseError } from '../../src/notices';
import { Labels } from '../derived/labels';
import { DerivedRegistry } from '../derived/registry';
import { cornerstoneOf, type CornerstoneLibraries, type DisplaySet, type ExtensionContext } from '../ohif';
import { fetchFile, FileHeaders, isOfFile } from '../files';
import { instancesOf, ohifSeries } from '../source';
import { STAGES, type StageId } from '../stages';
import { tellOfCutOffSave, tellUser } from '../tell';
import { allViewports, released } from '../viewports';
import { archiveOf } from './archive';
import { Comparison, type ComparisonEvent } from './comparison';
import { createEngine } from './engine';
import { Grid, type GridEvent } from './grid';
import { saveReport } from './exports';
import type { WantedStrength } from './guard';
import type { ReportFormat } from './quality-report';
import { guardLeaving, unsavedWork } from './leaving';
import { listStored, markStored } from './listing';
import { forgetStatistics, holdBackReports } from './measurements';
import { SessionModel, type ModelEvent } from './model';
import type { Pair } from './pair';
import { Publisher } from './publisher';
import { RoiTracker, type RoiEvent } from './roi';
import { Run, type RunEvent } from './run';
import { Runs } from './runs';
import type { SaveTarget } from './save-state';
import { Saver, type SaverEvent } from './saver';
import {
  queueSnapshot,
  saveSnapshot,
  seriesSnapshot,
  type SeriesSnapshot,
  type SessionSnapshot,
} from './snapshot';
import type { SiteSettings } from './site-settings';
import { StoredPair, StoredPairs } from './stored';

type SessionEvent = GridEvent | RunEvent | ComparisonEvent | SaverEvent | RoiEvent | ModelEvent;

/**
 * All that lives while the mode is open. The parts know nothing of each other: they report events, and `receive` alone decides what follows.
 * OHIF-facing code reads snapshots and calls the methods that commands name; `dispose` leaves nothing behind.
 */
export class Session {
  readonly saver: Saver;
  private readonly grid: Grid;
  private readonly libraries: CornerstoneLibraries;
  private readonly registry: DerivedRegistry;
  private readonly regions: RoiTracker;
  private readonly model: SessionModel;
  private readonly files: FileHeaders;
  private readonly labels: Labels;
  private readonly runs: Runs;
  private readonly stored: StoredPairs;
  private readonly comparison: Comparison;
  private readonly publisher: Publisher<SessionSnapshot>;
  private readonly reports: { restore(): void };
  private readonly leaving: { stop(): void };

  constructor(
    private readonly context: ExtensionContext,
    site: SiteSettings,
  ) {
    const { services } = this;
    const emit = (event: SessionEvent) => this.receive(event);
    this.grid = new Grid(context, emit);
    this.libraries = cornerstoneOf(context.extensionManager);
    const { cornerstone } = this.libraries;
    this.files = new FileHeaders(
      fetchFile(() => services.userAuthenticationService.getAuthorizationHeader() ?? {}),
    );
    this.model = new SessionModel(
      () => createEngine(site),
      displaySet => ohifSeries(displaySet, this.grid.dataSource, cornerstone, this.files).slices,
      this.files,
      emit,
    );
    const registry = (this.registry = new DerivedRegistry(cornerstone));
    this.runs = new Runs(services, registry, site.guards, emit);
    const dataSource = () => this.grid.dataSource;
    this.stored = new StoredPairs({ services, cornerstone, registry, dataSource });
    this.comparison = new Comparison({
      ...{ services, cornerstone, registry, emit },
      pairOf: uid => this.pairOf(uid),
      storedSourceUid: imageId => this.stored.sourceUidOf(imageId),
    });
    this.labels = new Labels({
      ...{ cornerstone, registry },
      hungIn: viewportId => instancesOf(this.grid.displaySetIn(viewportId))[0],
      originalOf: uid => this.stored.ofSeries(uid)?.source.slices[0]?.instance ?? null,
    });
    this.saver = new Saver(() => archiveOf(this.grid.dataSource, services), emit);
    this.regions = new RoiTracker(this.libraries, () => this.activePair, emit);
    this.publisher = new Publisher(() => this.takeSnapshot());
    this.publisher.subscribe(({ series }) =>
      this.grid.refreshToolbar(`${series?.viewportId} ${series?.displaySetUid} ${series?.verdict.kind}`),
    );
    this.stored.refresh();
    this.leaving = guardLeaving(() => unsavedWork(this.runs.all, this.saver));
    this.reports = holdBackReports(context.extensionManager.getActiveDataSource(), registry);
    void this.saver.findUnfinished();
  }

  get snapshot(): SessionSnapshot {
    return this.publisher.current;
  }

  subscribe = (listener: () => void): (() => void) => this.publisher.subscribe(listener);

  /** The series in a viewport (default: the active one), now; null when it shows none. */
  seriesIn(viewportId = this.grid.activeViewportId): SeriesSnapshot | null {
    const shown = this.grid.displaySetIn(viewportId);
    if (!viewportId || !shown) return null;
    const pair = this.pairOf(shown.displaySetInstanceUID);
    const original = pair ? pair.source.displaySet : shown;
    const run = pair instanceof Run ? pair : null;
    const stored = this.stored.on(original.displaySetInstanceUID);
    const beside = pair instanceof StoredPair ? pair : null;
    const waits = run !== null && this.runs.waits(run);
    return {
      ...seriesSnapshot(viewportId, original, this.model.judge(original), run, stored, beside, waits),
      hasFiles: this.hasFiles(original),
    };
  }

  /**
   * Starts (or shows, or resumes) the denoising of a display set, default the active one.
   * @throws DenoiseError `no-series`, or the reason why the series is refused
   */
  async start(displaySetUid?: string): Promise<void> {
    const asked =
      displaySetUid === undefined ? this.grid.displaySetIn() : this.grid.displaySet(displaySetUid);
    if (!asked) throw new DenoiseError({ kind: 'refusal', code: 'no-series' });
    // Where a stored series is looked at, its original is denoised.
    const wanted = this.stored.of(asked.displaySetInstanceUID)?.source.displaySet ?? asked;
    if (!this.runs.of(wanted.displaySetInstanceUID)) await this.model.judgeFiles(wanted);
    const run = this.runs.of(wanted.displaySetInstanceUID) ?? this.open(wanted);
    this.runs.start(run);
    // With the engine ready, the first slice is on its way to the worker before the viewer's layout takes this thread.
    await new Promise(resolve => setTimeout(resolve));
    if (this.runs.has(run)) this.show(run, this.stage === 'review' ? 'review' : 'compare');
  }

  pause(): void {
    this.runs.pause(this.required());
  }

  cancel(): void {
    const { job, snapshot } = this.required();
    if (!['idle', 'done', 'cancelled', 'failed'].includes(snapshot.state)) job.cancel();
  }

  /** @param strength 0 to 1; what is shown now and what will be saved */
  setStrength(strength: number): void {
    const run = this.required();
    if (run.strength === strength) return;
    run.strength = strength;
    this.labels.refresh();
    this.publisher.publish();
    this.regions.schedule();
    void this.registry.repaint(run.derived).then(() => this.onRepainted());
  }

  /** @throws DenoiseError `not-denoised` */
  saveReport(format: ReportFormat): void {
    saveReport(this.required(), format);
  }

  /** @throws DenoiseError `not-measured` */
  setStrengthFor(wanted: WantedStrength): void {
    this.setStrength(this.required().guard.strengthFor(wanted));
  }

  /** @param displaySetUid of a series of the pair; default: what is looked at, else what hung last */
  setStage(stage: StageId, displaySetUid?: string): void {
    const asked = displaySetUid === undefined ? this.activePair : this.pairOf(displaySetUid);
    const pair = asked ?? this.comparison.hung ?? this.runs.all[0] ?? null;
    if (pair || stage === 'single') this.show(pair, stage);
  }

  /** Original and denoised take each other's place in the active viewport, at the same slice and window. */
  toggleOriginal(): void {
    const viewportId = this.grid.activeViewportId;
    const shown = this.grid.displaySetIn()?.displaySetInstanceUID ?? '';
    const pair = this.pairOf(shown) ?? this.stored.on(shown)[0];
    if (!viewportId || !pair) return;
    const { source, denoised } = pair.displaySets;
    const next = shown === denoised ? source : denoised;
    if (next !== null) this.grid.setDisplaySet(viewportId, next);
  }

  /**
   * Saves the active viewport's denoised series at its present strength.
   * @throws DenoiseError `not-denoised`, `nothing-removed`, `incomplete`, `no-archive`, `no-folder-access`
   */
  save(target: SaveTarget): Promise<void> {
    const run = this.required();
    if (run.strength === 0) throw new DenoiseError({ kind: 'refusal', code: 'nothing-removed' });
    const { done, total } = run.snapshot.progress;
    if (done < total) throw new DenoiseError({ kind: 'refusal', code: 'incomplete', done, total });
    return this.saver.save(run, target);
  }

  /**
   * Closes a run: its live series leave the study list, its results are freed, a save of it is cancelled. The original stays as it is.
   * @throws DenoiseError `still-shown` when OHIF does not let go of the series; the run stays open then
   */
  async close(run: Run = this.required()): Promise<void> {
    this.runs.takeOut(run);
    await this.saver.abandon(run);
    this.comparison.dismiss(run);
    this.publisher.publish();
    const imageIds = run.derived.flatMap(({ slices }) => slices.map(slice => slice.imageId));
    try {
      await released(this.libraries.cornerstone, this.services, new Set(imageIds));
    } catch (error) {
      this.runs.putBack(run);
      this.publisher.publish();
      throw error;
    }
    await this.runs.end(run);
    this.publisher.publish();
  }

  async dispose(): Promise<void> {
    this.reports.restore();
    this.leaving.stop();
    this.comparison.dispose();
    this.labels.dispose();
    if (this.saver.busy) tellOfCutOffSave(this.services);
    this.saver.cancel();
    this.regions.dispose();
    this.publisher.dispose();
    this.grid.dispose();
    this.stored.dispose();
    await this.runs.dispose();
    this.registry.dispose();
    await this.model.dispose();
  }

  private get services() {
    return this.context.servicesManager.services;
  }

  private get activePair(): Pair | null {
    return this.pairOf(this.grid.displaySetIn()?.displaySetInstanceUID ?? '');
  }

  private get activeRun(): Run | null {
    const { activePair } = this;
    return activePair instanceof Run ? activePair : null;
  }

  /** The pair a display set belongs to: an original may belong to several, and then to the one that hangs. */
  private pairOf(displaySetUid: string): Pair | null {
    const { hung } = this.comparison;
    if (hung?.owns(displaySetUid)) return hung;
    return this.runs.of(displaySetUid) ?? this.stored.of(displaySetUid);
  }

  /** The stage that hangs now; null under another hanging protocol, such as MPR. */
  private get stage(): StageId | null {
    return this.grid.hangsComparison ? this.comparison.stage : null;
  }

  /**
   * The run of the active viewport, or of the comparison where the active viewport shows nothing: a command must not take another series than
   * the one that is looked at.
   * @throws DenoiseError `not-denoised`
   */
  private required(): Run {
    const run = this.grid.displaySetIn() ? this.activeRun : this.comparison.hung;
    if (!(run instanceof Run)) throw new DenoiseError({ kind: 'refusal', code: 'not-denoised' });
    return run;
  }

  /** Can the whole files be had, from their addresses or from a DICOMweb server? */
  private hasFiles(displaySet: DisplaySet): boolean {
    const { dataSource } = this.grid;
    if (archiveOf(dataSource, this.services)) return true;
    const imageId = instancesOf(displaySet)[0]?.imageId ?? dataSource.getImageIdsForDisplaySet(displaySet)[0];
    return imageId !== undefined && isOfFile(imageId);
  }

  private open(displaySet: DisplaySet): Run {
    const verdict = this.model.judge(displaySet);
    if (verdict.kind === 'refused') throw new DenoiseError(verdict.reasons[0]!);
    const source = ohifSeries(displaySet, this.grid.dataSource, this.libraries.cornerstone, this.files);
    return this.runs.open(source, this.model.engine, this.comparison.sliceOf(source));
  }

  private show(pair: Pair | null, stage: StageId): void {
    if (stage === 'review') {
      if (pair instanceof Run) this.runs.listDifference(pair);
      else if (pair instanceof StoredPair) this.stored.listDifference(pair);
    }
    this.comparison.show(pair, stage);
    this.publisher.publish();
  }

  private receive(event: SessionEvent): void {
    switch (event.kind) {
      case 'job':
        this.onJob(event.run, event.event);
        break;
      case 'slice':
        return this.onSlice(event.sopInstanceUid, event.awaited);
      case 'chosen':
        return this.onChosen(event.displaySetUid);
      case 'stored':
        void listStored(
          this.services,
          this.grid.dataSource,
          event.studyInstanceUid,
          event.seriesInstanceUids,
        );
        break;
      case 'grid':
        this.labels.refresh();
        if (event.active) this.regions.schedule();
        else if (this.stage !== null) this.comparison.onGrid();
        break;
      case 'stage':
        this.onStage();
        break;
      case 'display-sets-added':
        event.added.forEach(markStored);
        this.stored.refresh();
        break;
      case 'display-sets-removed':
        this.stored.forget(event.uids);
        return this.onRemoved(event.uids);
    }
    this.publisher.publish();
  }

  private onRepainted(): void {
    forgetStatistics(this.libraries, imageId => this.registry.sliceOf(imageId) !== undefined);
    this.comparison.repainted();
    for (const viewport of allViewports(this.libraries.cornerstone)) viewport.render();
  }

  /** OHIF's own keys change the stage without its series: it is hung anew, with the pair that is looked at, or alone where there is none. */
  private onStage(): void {
    // Not within the change itself, which may come before or after the event.
    setTimeout(() => {
      const stage = STAGES.find(one => one === this.grid.stageId);
      if (stage === undefined || stage === this.comparison.stage) return;
      const pair = this.activePair ?? this.comparison.hung;
      this.show(pair, pair ? stage : 'single');
    });
  }

  private onChosen(displaySetUid: string): void {
    const pair = this.pairOf(displaySetUid);
    const displaySet = this.grid.displaySet(displaySetUid);
    if (pair) this.show(pair, this.comparison.preferred);
    else if (displaySet) this.comparison.showAlone(displaySet);
  }

  private onJob(run: Run, event: JobEvent): void {
    if (event.kind === 'slice') {
      for (const series of run.derived) {
        const imageId = run.imageIdOf(series, event.slice.sopInstanceUid);
        // A slice that cannot be read any more stays covered.
        this.comparison.ready(imageId).catch(() => undefined);
      }
      this.regions.schedule();
    } else if (event.kind === 'changed') {
      const goesOn = ['loading', 'running'].includes(event.snapshot.state);
      if (run === this.comparison.hung && goesOn) this.comparison.awaiting();
    }
  }

  private onSlice(sopInstanceUid: string, awaited: boolean): void {
    if (this.snapshot.series?.verdict.kind === 'accepted') this.model.warmUp();
    for (const run of this.runs.all) {
      if (!run.has(sopInstanceUid)) continue;
      // The difference of a stored pair waits for no run.
      if (awaited && !(this.comparison.hung instanceof StoredPair)) run.lookAt(sopInstanceUid);
      else run.job.focus(sopInstanceUid);
    }
  }

  private onRemoved(uids: readonly string[]): void {
    for (const uid of uids) {
      const run = this.runs.of(uid);
      if (!run) continue;
      if (uid === run.displaySets.difference) run.displaySets.difference = null;
      else this.close(run).catch(error => tellUser(this.services, error));
    }
  }

  private takeSnapshot(): SessionSnapshot {
    return Object.freeze({
      stage: this.stage,
      series: this.seriesIn(),
      save: saveSnapshot(this.saver, this.activeRun),
      queue: queueSnapshot(this.runs.queued),
      regions: this.regions.results,
      model: { card: this.model.card, fault: this.model.cardFault },
    });
  }
}
