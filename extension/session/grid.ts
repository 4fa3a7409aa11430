import { PROTOCOL_ID } from '../id';
import type { DataSource, DisplaySet, ExtensionContext, Services, Subscription } from '../ohif';

export type GridEvent =
  /** Another viewport is active, or a viewport has other series. */
  | { readonly kind: 'grid'; readonly active: boolean }
  /** The hanging protocol has another stage, by OHIF's keys or our own wish. */
  | { readonly kind: 'stage' }
  | { readonly kind: 'display-sets-added'; readonly added: readonly DisplaySet[] }
  | { readonly kind: 'display-sets-removed'; readonly uids: readonly string[] };

/** OHIF's viewports and display sets: what they are, and events when they change. */
export class Grid {
  private readonly services: Services;
  private readonly subscriptions: Subscription[];
  private toolbarState = '';

  constructor(
    private readonly context: ExtensionContext,
    emit: (event: GridEvent) => void,
  ) {
    this.services = context.servicesManager.services;
    const {
      viewportGridService: grid,
      displaySetService: sets,
      hangingProtocolService: protocols,
    } = this.services;
    this.subscriptions = [
      protocols.subscribe(protocols.EVENTS.PROTOCOL_CHANGED, () => emit({ kind: 'stage' })),
      grid.subscribe(grid.EVENTS.ACTIVE_VIEWPORT_ID_CHANGED, () => emit({ kind: 'grid', active: true })),
      grid.subscribe(grid.EVENTS.GRID_STATE_CHANGED, () => emit({ kind: 'grid', active: false })),
      sets.subscribe(sets.EVENTS.DISPLAY_SETS_CHANGED, () => emit({ kind: 'grid', active: false })),
      sets.subscribe(
        sets.EVENTS.DISPLAY_SETS_ADDED,
        ({ displaySetsAdded: added }: { displaySetsAdded: DisplaySet[] }) =>
          emit({ kind: 'display-sets-added', added }),
      ),
      sets.subscribe(
        sets.EVENTS.DISPLAY_SETS_REMOVED,
        ({ displaySetInstanceUIDs: uids }: { displaySetInstanceUIDs: string[] }) =>
          emit({ kind: 'display-sets-removed', uids }),
      ),
    ];
  }

  get dataSource(): DataSource {
    return this.context.extensionManager.getActiveDataSource()[0]!;
  }

  get activeViewportId(): string | null {
    return this.services.viewportGridService.getActiveViewportId();
  }

  /** False under another hanging protocol, such as MPR. */
  get hangsComparison(): boolean {
    const { protocol } = this.services.hangingProtocolService.getActiveProtocol();
    return protocol?.id === PROTOCOL_ID;
  }

  /** Of our hanging protocol; null under another one. */
  get stageId(): string | null {
    const { stage } = this.services.hangingProtocolService.getActiveProtocol();
    return (this.hangsComparison && stage?.id) || null;
  }

  /** What a viewport shows (default: the active one). */
  displaySetIn(viewportId = this.activeViewportId): DisplaySet | undefined {
    if (!viewportId) return undefined;
    const { viewports } = this.services.viewportGridService.getState();
    const [uid] = viewports.get(viewportId)?.displaySetInstanceUIDs ?? [];
    return uid === undefined ? undefined : this.displaySet(uid);
  }

  displaySet(uid: string): DisplaySet | undefined {
    return this.services.displaySetService.getDisplaySetByUID(uid);
  }

  /** Puts a display set into a viewport; under another hanging protocol, such as MPR, into all that show the same series: they are planes of one. */
  setDisplaySet(viewportId: string, displaySetUid: string): void {
    const { viewports } = this.services.viewportGridService.getState();
    const shown = viewports.get(viewportId)?.displaySetInstanceUIDs?.[0];
    const ids = this.hangsComparison
      ? [viewportId]
      : [...viewports.values()]
          .filter(one => one.displaySetInstanceUIDs?.[0] === shown)
          .map(one => one.viewportId);
    this.services.viewportGridService.setDisplaySetsForViewports(
      ids.map(id => ({ viewportId: id, displaySetInstanceUIDs: [displaySetUid] })),
    );
  }

  /** @param state all that the Denoise button depends on; OHIF evaluates every button anew, so only when it has changed */
  refreshToolbar(state: string): void {
    if (state === this.toolbarState) return;
    this.toolbarState = state;
    this.services.toolbarService.refreshToolbarState({ viewportId: this.activeViewportId });
  }

  dispose(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.unsubscribe();
  }
}
