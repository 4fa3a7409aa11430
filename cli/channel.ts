/** A queue between what produces in events and what consumes in order. */
export class Channel<T> implements AsyncIterable<T> {
  onTake: (() => void) | null = null;
  onClose: (() => void) | null = null;
  private readonly items: T[] = [];
  private closed = false;
  private wake: (() => void) | null = null;

  get waiting(): number {
    return this.items.length;
  }

  push(item: T): void {
    if (this.closed) return;
    this.items.push(item);
    this.wake?.();
  }

  /** No more comes; what waits is still given out. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.wake?.();
    this.onClose?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const item = this.items.shift();
        if (item !== undefined) {
          this.onTake?.();
          yield item;
        } else if (this.closed) return;
        else await new Promise<void>(resolve => (this.wake = resolve));
      }
    } finally {
      // The consumer left early: the producer is told.
      this.close();
    }
  }
}
