import type { Services } from '../ohif';

/** Tells the panel and the toolbar that something changed; many changes within one frame are told once. */
export class Announcer {
  /** Counts what was told, for React's useSyncExternalStore. */
  version = 0;
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private disposed = false;
  private toldToolbar: string | null = null;

  constructor(
    private readonly services: Pick<Services, 'toolbarService' | 'viewportGridService'>,
    /** Everything our button in the toolbar depends on. */
    private readonly toolbarKey: () => string,
  ) {}

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  announce(): void {
    if (this.frame || this.disposed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version++;
      this.listeners.forEach(listener => listener());
      this.refreshToolbar();
    });
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.frame);
    this.listeners.clear();
  }

  /** OHIF evaluates every button of the toolbar anew, so only when ours may have changed. */
  private refreshToolbar(): void {
    const key = this.toolbarKey();
    if (key === this.toldToolbar) return;
    this.toldToolbar = key;
    const { toolbarService, viewportGridService } = this.services;
    toolbarService.refreshToolbarState({ viewportId: viewportGridService.getActiveViewportId() });
  }
}
