import type * as core from '@cornerstonejs/core';
import { DenoiseError, describe } from '../../src/notices';
import { Covers } from '../derived/covers';
import type { DerivedRegistry } from '../derived/registry';
import { PROTOCOL_ID } from '../id';
import type { DisplaySet, Services } from '../ohif';
import { instancesOf, type OhifSeries } from '../source';
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
import type { Pair } from './pair';
import { ViewSync } from './view-sync';

export interface ComparisonHost {
  readonly services: Services;
  readonly cornerstone: typeof core;
  readonly registry: DerivedRegistry;
  /** The pair a display set belongs to. */
  pairOf(displaySetUid: string): Pair | null;
  /** SOP Instance UID of the original of a stored denoised image; null for any other image. */
  storedSourceUid(imageId: string): string | null;
  emit(event: ComparisonEvent): void;
}

export type ComparisonEvent =
  /** The user has put a series into the comparison that does not belong to the others: the comparison has to follow. */
  | { readonly kind: 'chosen'; readonly displaySetUid: string }
  /** A viewport goes to another slice; `sopInstanceUid` is the original's. `awaited`: it wants the derived image of it. */
  | { readonly kind: 'slice'; readonly sopInstanceUid: string; readonly awaited: boolean };

/**
 * Which series are side by side, and that they show the same slice. Viewports follow each other by slice, not by OHIF's image
 * slice synchroniser, which takes no new position while an earlier one is still being loaded: here that may take seconds, and two
 * different slices would stand beside each other.
 */
export class Comparison {
  stage: StageId = 'single';
  /** The stage that was asked for last; another one hangs while the user looks at a series without results. */
  preferred: StageId = 'single';
  hung: Pair | null = null;
  /** Display set that is to be the original; null: the hanging protocol chooses. */
  private original: string | null = null;
  /** The original has been seen in its viewport: another one there is the user's choice, not a layout under way. */
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
      keyOf: uid => host.pairOf(uid)?.displaySets.source ?? uid,
      isDifference: uid => host.pairOf(uid)?.displaySets.difference === uid,
    });
    const { hangingProtocolService } = host.services;
    hangingProtocolService.addCustomAttribute(ROLE_ATTRIBUTE, 'Part in the comparison', (one: DisplaySet) =>
      this.roleOf(one),
    );
    hangingProtocolService.addCustomAttribute(SLICE_ATTRIBUTE, 'Slice shown now', (sets: DisplaySet[]) =>
      this.currentSlice(sets),
    );
  }

  /** Hangs the series of a pair by a stage of the protocol; null: the study's original. */
  show(pair: Pair | null, stage: StageId): void {
    this.preferred = stage;
    this.hang(pair?.source.displaySet ?? null, pair, stage);
  }

  /** Hangs one series alone, for a while: the next one with results has its comparison again. */
  showAlone(displaySet: DisplaySet): void {
    this.hang(displaySet, null, 'single');
  }

  /** Hangs the original of a pair alone, without its other display sets, which are on their way out. */
  dismiss({ source, displaySets: { denoised, difference } }: Pair): void {
    this.preferred = 'single';
    this.hang(source.displaySet, null, 'single', [denoised, difference]);
  }

  /** The grid has changed. A series never stands beside the results of another: the comparison follows what the user has chosen. */
  onGrid(): void {
    const shown = this.shownAs('original');
    if (shown === undefined || this.original === null) return;
    if (shown === this.original) this.settled = true;
    if (!this.settled || this.preferred === 'single') return;
    const chosen = this.strangerTo(shown);
    if (chosen === null) return;
    this.settled = false;
    this.host.emit({ kind: 'chosen', displaySetUid: chosen });
  }

  /** The display set that does not belong to the others of the comparison; null when all do. */
  private strangerTo(original: string): string | null {
    const { pairOf } = this.host;
    const belongs = (uid: string) => this.hung?.owns(uid) ?? false;
    if (!belongs(original) && pairOf(original)) return original;
    const results = (['denoised', 'difference'] as const)
      .map(role => this.shownAs(role))
      .filter(uid => uid !== undefined)
      .filter(uid => pairOf(uid) && pairOf(uid)?.displaySets.source !== uid);
    const foreign = results.find(uid => !belongs(uid));
    if (foreign !== undefined) return foreign;
    return !belongs(original) && results.length > 0 ? original : null;
  }

  private shownAs(role: Role): string | undefined {
    const { viewports } = this.host.services.viewportGridService.getState();
    return viewports.get(VIEWPORT_ID[role])?.displaySetInstanceUIDs?.[0];
  }

  private hang(
    original: DisplaySet | null,
    pair: Pair | null,
    stage: StageId,
    without: readonly (string | null)[] = [],
  ): void {
    this.hung = pair;
    this.original = original?.displaySetInstanceUID ?? null;
    this.stage = stage;
    this.settled = false;
    const { hangingProtocolService, displaySetService } = this.host.services;
    const { activeStudy: before } = hangingProtocolService.getActiveProtocol();
    const known = hangingProtocolService.studies ?? [];
    // The protocol looks into the studies it was given, and a prior that was loaded later is none of them.
    const uid = original?.StudyInstanceUID;
    const activeStudy =
      uid === undefined
        ? before
        : (known.find(one => one.StudyInstanceUID === uid) ?? { StudyInstanceUID: uid });
    if (!activeStudy) return;
    const studies = known.includes(activeStudy) ? known : [...known, activeStudy];
    const displaySets = displaySetService
      .getActiveDisplaySets()
      .filter(one => !without.includes(one.displaySetInstanceUID));
    // Run again rather than change the stage: the service keeps the list of display sets of its last run.
    hangingProtocolService.run({ studies, activeStudy, displaySets }, PROTOCOL_ID, { stageId: stage });
  }

  /** SOP Instance UID of the slice of a series that the active viewport shows or is about to show. */
  sliceOf({ slices }: OhifSeries): string | undefined {
    const viewportId = this.host.services.viewportGridService.getActiveViewportId();
    const imageId = viewportId ? this.shown.get(viewportId) : undefined;
    return slices.find(slice => slice.imageId === imageId)?.instance.SOPInstanceUID;
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
      const name = (uid: string) => `slice ${this.hung?.placeOf(uid) ?? ''}`.trim();
      const reason = why instanceof DenoiseError ? describe(why.notice, name).happened : '';
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
    if (uid === this.original) return 'original';
    if (!this.hung) return undefined;
    const { denoised, difference } = this.hung.displaySets;
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
    const source = this.host.storedSourceUid(imageId);
    if (source !== null) return source;
    const instance = this.host.cornerstone.metaData.get('instance', imageId) as
      { SOPInstanceUID?: string } | undefined;
    return instance?.SOPInstanceUID ?? null;
  }
}
