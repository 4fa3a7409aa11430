import type * as core from '@cornerstonejs/core';
import type { Services, Subscription } from '../ohif';
import { isComparisonViewport } from '../stages';
import { stackViewports, watchElements } from '../viewports';

export interface ViewSyncHost {
  readonly services: Services;
  readonly cornerstone: typeof core;
  /** What a display set is compared with has the same key; viewports of one key are kept together. */
  keyOf(displaySetUid: string): string;
  /** Differences have a window of their own. */
  isDifference(displaySetUid: string): boolean;
}

/** Zoom, pan, rotation, flips; and window, once known from a viewport that shows HU. */
interface View {
  readonly presentation: core.Types.ViewPresentation;
  readonly window: Pick<core.Types.StackViewportProperties, 'voiRange' | 'invert'> | null;
}

/**
 * Keeps zoom, pan, rotation and window of the viewports of a comparison together, whichever is moved, and gives them to a viewport that joins.
 * OHIF's synchronisers do neither: a viewport that stays on screen while the stage changes keeps the sync groups of the stage before, and
 * one that is new brings the zoom and window of last time and gives them to all others.
 */
export class ViewSync {
  /** Viewports that show what they are to show, with the display set; those being filled still change by themselves. */
  private readonly joined = new Map<string, string>();
  private readonly views = new Map<string, View>();
  private readonly elements: { stop(): void };
  private readonly subscriptions: Subscription[];
  private applying = false;

  constructor(private readonly host: ViewSyncHost) {
    const { cornerstoneViewportService, viewportGridService } = host.services;
    const { CAMERA_MODIFIED, IMAGE_RENDERED, VOI_MODIFIED } = host.cornerstone.Enums.Events;
    this.subscriptions = [
      cornerstoneViewportService.subscribe(
        cornerstoneViewportService.EVENTS.VIEWPORT_DATA_CHANGED,
        ({ viewportId }: { viewportId: string }) => this.join(viewportId),
      ),
      viewportGridService.subscribe(viewportGridService.EVENTS.GRID_STATE_CHANGED, () => this.leaveChanged()),
    ];
    this.elements = watchElements(host.cornerstone, {
      names: [CAMERA_MODIFIED, IMAGE_RENDERED, VOI_MODIFIED],
      on: ({ type }, viewportId) => {
        if (type !== IMAGE_RENDERED || this.isInvertedAnew(viewportId)) this.onModified(viewportId);
      },
      disabled: viewportId => this.joined.delete(viewportId),
    });
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.elements.stop();
    this.joined.clear();
  }

  /** A viewport has been given its images: takes over the view of those beside it, or of last time. */
  private join(viewportId: string): void {
    const displaySetUid = this.shownIn(viewportId);
    const viewport = this.viewport(viewportId);
    if (!isComparisonViewport(viewportId) || displaySetUid === undefined || !viewport) return;
    const view = this.views.get(this.host.keyOf(displaySetUid));
    if (view) this.apply(viewport, displaySetUid, view);
    this.joined.set(viewportId, displaySetUid);
    if (!view) this.keep(viewport, displaySetUid);
  }

  /** Viewports about to be filled with another series: what they do until then is nobody's wish. */
  private leaveChanged(): void {
    for (const [viewportId, displaySetUid] of this.joined) {
      if (this.shownIn(viewportId) !== displaySetUid) this.joined.delete(viewportId);
    }
  }

  /** Inverting has no event of its own: it is seen when the image is drawn. */
  private isInvertedAnew(viewportId: string): boolean {
    const displaySetUid = this.joined.get(viewportId);
    if (displaySetUid === undefined || this.host.isDifference(displaySetUid)) return false;
    const known = this.views.get(this.host.keyOf(displaySetUid))?.window;
    const inverted = this.viewport(viewportId)?.getProperties().invert;
    return known != null && inverted !== undefined && inverted !== (known.invert ?? false);
  }

  private onModified(viewportId: string): void {
    const displaySetUid = this.joined.get(viewportId);
    const viewport = this.viewport(viewportId);
    if (this.applying || displaySetUid === undefined || !viewport) return;
    const view = this.keep(viewport, displaySetUid);
    if (!view) return;
    const key = this.host.keyOf(displaySetUid);
    for (const [otherId, otherUid] of this.joined) {
      const other = otherId === viewportId ? undefined : this.viewport(otherId);
      if (other && this.host.keyOf(otherUid) === key) this.apply(other, otherUid, view);
    }
  }

  /** Remembers how a viewport shows its series; null when that was known. */
  private keep(viewport: core.Types.IStackViewport, displaySetUid: string): View | null {
    const key = this.host.keyOf(displaySetUid);
    const before = this.views.get(key);
    const { voiRange, invert } = viewport.getProperties();
    const view: View = {
      presentation: viewport.getViewPresentation(),
      window: this.host.isDifference(displaySetUid)
        ? (before?.window ?? null)
        : { ...(voiRange ? { voiRange: { ...voiRange } } : {}), ...(invert === undefined ? {} : { invert }) },
    };
    if (JSON.stringify(before) === JSON.stringify(view)) return null;
    this.views.set(key, view);
    return view;
  }

  private apply(viewport: core.Types.IStackViewport, displaySetUid: string, view: View): void {
    this.applying = true;
    try {
      const { flipHorizontal = false, flipVertical = false } = view.presentation;
      // Cornerstone's setViewPresentation can flip, and not flip back.
      viewport.setCamera({ flipHorizontal, flipVertical });
      viewport.setViewPresentation(view.presentation);
      if (view.window && !this.host.isDifference(displaySetUid)) viewport.setProperties(view.window);
      viewport.render();
    } finally {
      this.applying = false;
    }
  }

  private shownIn(viewportId: string): string | undefined {
    const { viewports } = this.host.services.viewportGridService.getState();
    return viewports.get(viewportId)?.displaySetInstanceUIDs?.[0];
  }

  private viewport(viewportId: string): core.Types.IStackViewport | undefined {
    return stackViewports(this.host.cornerstone).find(one => one.id === viewportId);
  }
}
