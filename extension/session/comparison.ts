import type * as core from '@cornerstonejs/core';
import { DenoiseError, describe } from '../../src/notices';
import { Covers } from '../derived/covers';
import type { DerivedRegistry } from '../derived/registry';
import { PROTOCOL_ID } from '../id';
import type { DisplaySet, Services } from '../ohif';
import { instancesOf } from '../source';
import {
  isComparisonViewport,
  ROLE_ATTRIBUTE,
  SLICE_ATTRIBUTE,
  VIEWPORT_ID,
  type Role,
  type StageId,
} from '../stages';
import { stackViewports } from '../viewports';
import { watchSlices } from './focus';
import type { Run } from './run';
import { ViewSync } from './view-sync';

export interface ComparisonHost {
  readonly services: Services;
  readonly cornerstone: typeof core;
  readonly registry: DerivedRegistry;
  /** The run a display set belongs to. */
  runOf(displaySetUid: string): Run | null;
  emit(event: ComparisonEvent): void;
}

export type ComparisonEvent =
  /** The user has put the original of another run into the comparison. */
  | { readonly kind: 'chosen'; readonly run: Run }
  /** A viewport goes to another slice; `sopInstanceUid` is the original's. `awaited`: it wants the derived image of it. */
  | { readonly kind: 'slice'; readonly sopInstanceUid: string; readonly awaited: boolean };

/**
 * Which series are side by side, and that they show the same slice. Viewports follow each other by slice, not by OHIF's image
 * slice synchroniser, which takes no new position while an earlier one is still being loaded: here that may take seconds, and two
 * different slices would stand beside each other.
 */
export class Comparison {
  stage: StageId = 'single';
  hung: Run | null = null;
  /** The original that hangs has been seen in its viewport: another one there is the user's choice, not a layout under way. */
  private settled = false;
  private readonly covers: Covers;
  private readonly slices: { stop(): void };
  private readonly views: ViewSync;
  /** Image ids by viewport: what it shows or is about to show. */
  private readonly shown = new Map<string, string>();

  constructor(private readonly host: ComparisonHost) {
    this.covers = new Covers(host.cornerstone);
    this.slices = watchSlices(host.cornerstone, (imageId, viewportId, when) =>
      this.onImage(imageId, viewportId, when),
    );
    this.views = new ViewSync({
      services: host.services,
      cornerstone: host.cornerstone,
      keyOf: uid => host.runOf(uid)?.displaySets.source ?? uid,
      isDifference: uid => host.runOf(uid)?.displaySets.difference === uid,
    });
    const { hangingProtocolService } = host.services;
    hangingProtocolService.addCustomAttribute(ROLE_ATTRIBUTE, 'Part in the comparison', (one: DisplaySet) =>
      this.roleOf(one),
    );
    hangingProtocolService.addCustomAttribute(SLICE_ATTRIBUTE, 'Slice shown now', (sets: DisplaySet[]) =>
      this.currentSlice(sets),
    );
  }

  /** Hangs a run's series by a stage of the protocol; null: the original of the study. `without` are display sets on their way out. */
  show(run: Run | null, stage: StageId, without: readonly (string | null)[] = []): void {
    this.hung = run;
    this.stage = stage;
    this.settled = false;
    const { hangingProtocolService, displaySetService } = this.host.services;
    const { activeStudy } = hangingProtocolService.getActiveProtocol();
    if (!activeStudy) return;
    const displaySets = displaySetService
      .getActiveDisplaySets()
      .filter(one => !without.includes(one.displaySetInstanceUID));
    const studies = hangingProtocolService.studies ?? [activeStudy];
    // Run again rather than change the stage: the service keeps the list of display sets of its last run.
    hangingProtocolService.run({ studies, activeStudy, displaySets }, PROTOCOL_ID, { stageId: stage });
  }

  /** The grid has changed: the original of another run brings its own comparison, so that no series stands beside results of another. */
  onGrid(): void {
    const { viewports } = this.host.services.viewportGridService.getState();
    const [shown] = viewports.get(VIEWPORT_ID.original)?.displaySetInstanceUIDs ?? [];
    if (!this.hung || shown === undefined) return;
    if (shown === this.hung.displaySets.source) this.settled = true;
    const chosen = this.host.runOf(shown);
    if (
      !this.settled ||
      this.stage === 'single' ||
      chosen?.displaySets.source !== shown ||
      chosen === this.hung
    )
      return;
    this.settled = false;
    this.host.emit({ kind: 'chosen', run: chosen });
  }

  /** Image id the viewport shows or is about to show. */
  imageIn(viewportId: string): string | undefined {
    return this.shown.get(viewportId);
  }

  /** A derived image can be had now. Where it was awaited all along, the viewport itself tells when it shows it. */
  async ready(imageId: string): Promise<void> {
    if (await this.host.registry.ready(imageId)) this.covers.liftFrom(imageId);
  }

  /** Images were painted anew: covers those that could not be, uncovers those that could. */
  repainted(): void {
    for (const [viewportId, imageId] of this.shown) {
      if (this.host.registry.sliceOf(imageId)) this.cover(viewportId, imageId, 'before');
    }
  }

  /** The run goes on, or starts again. */
  awaiting(): void {
    this.covers.say(imageId => this.waitingFor(imageId));
  }

  dispose(): void {
    this.slices.stop();
    this.views.dispose();
    this.covers.dispose();
    this.hung = null;
  }

  private onImage(imageId: string, viewportId: string, when: 'before' | 'shown'): void {
    const awaited = when === 'before' && this.host.registry.sliceOf(imageId) !== undefined;
    this.cover(viewportId, imageId, when);
    this.shown.set(viewportId, imageId);
    const uid = this.originalUidOf(imageId);
    if (uid === null) return;
    if (when === 'before') this.follow(uid, viewportId);
    this.host.emit({ kind: 'slice', sopInstanceUid: uid, awaited });
  }

  private cover(viewportId: string, imageId: string, when: 'before' | 'shown'): void {
    const { registry, cornerstone } = this.host;
    const why = registry.blankBecause(imageId);
    if (why !== null) {
      const reason = why instanceof DenoiseError ? describe(why.notice).happened : '';
      this.covers.put(viewportId, imageId, `This slice is not denoised. ${reason}`.trim());
    } else if (when === 'before' && registry.sliceOf(imageId) && !cornerstone.cache.getImage(imageId)) {
      this.covers.put(viewportId, imageId, this.waitingFor(imageId));
    } else this.covers.lift(viewportId);
  }

  /** With the number, because OHIF's own stays that of the slice before until the image is there. */
  private waitingFor(imageId: string): string {
    const uid = this.originalUidOf(imageId);
    const place = uid === null ? 0 : (this.hung?.placeOf(uid) ?? 0);
    return place > 0 ? `Denoising slice ${place} …` : 'Denoising this slice …';
  }

  /** Moves the other viewports of the comparison to the slice that `leader` goes to. */
  private follow(sopInstanceUid: string, leader: string): void {
    if (!this.hung || this.stage === 'single' || !this.hung.has(sopInstanceUid)) return;
    for (const viewport of stackViewports(this.host.cornerstone)) {
      if (viewport.id === leader || !isComparisonViewport(viewport.id)) continue;
      const index = viewport.getImageIds().findIndex(id => this.originalUidOf(id) === sopInstanceUid);
      if (index < 0 || viewport.getCurrentImageIdIndex() === index) continue;
      // A slice that cannot be loaded is told by the cover on its viewport.
      viewport.setImageIdIndex(index).catch(() => undefined);
    }
  }

  private roleOf(displaySet: DisplaySet): Role | undefined {
    const uid = displaySet.displaySetInstanceUID;
    if (!this.hung) return undefined;
    const { source, denoised, difference } = this.hung.displaySets;
    if (uid === source) return 'original';
    if (uid === denoised) return 'denoised';
    return uid === difference ? 'difference' : undefined;
  }

  /** Where a viewport that is about to be hung should start: at the slice the active viewport shows. */
  private currentSlice(displaySets: DisplaySet[]): { index: number } | undefined {
    const viewportId = this.host.services.viewportGridService.getActiveViewportId();
    const imageId = viewportId ? this.shown.get(viewportId) : undefined;
    const uid = imageId === undefined ? null : this.originalUidOf(imageId);
    const [displaySet] = displaySets;
    if (!displaySet || uid === null) return undefined;
    const index = instancesOf(displaySet).findIndex(
      instance => (this.originalUidOf(instance.imageId ?? '') ?? instance.SOPInstanceUID) === uid,
    );
    return index < 0 ? undefined : { index };
  }

  /** SOP Instance UID of the original slice behind an image id, original or derived. */
  private originalUidOf(imageId: string): string | null {
    const derived = this.host.registry.sliceOf(imageId);
    if (derived) return derived.source.instance.SOPInstanceUID;
    if (imageId === '') return null;
    const instance = this.host.cornerstone.metaData.get('instance', imageId) as
      { SOPInstanceUID?: string } | undefined;
    return instance?.SOPInstanceUID ?? null;
  }
}
