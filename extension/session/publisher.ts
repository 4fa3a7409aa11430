/** Publishes immutable snapshots of a state that changes often: many changes within one frame make one snapshot. */
export class Publisher<Snapshot> {
  private readonly listeners = new Set<(snapshot: Snapshot) => void>();
  private frame = 0;
  private disposed = false;
  private published: Snapshot;

  constructor(private readonly take: () => Snapshot) {
    this.published = take();
  }

  /** The same object until the next one is published, as React's useSyncExternalStore needs it. */
  get current(): Snapshot {
    return this.published;
  }

  subscribe(listener: (snapshot: Snapshot) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Something has changed: the next frame brings a new snapshot. */
  publish(): void {
    if (this.frame || this.disposed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.published = this.take();
      this.listeners.forEach(listener => listener(this.published));
    });
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.frame);
    this.listeners.clear();
  }
}
