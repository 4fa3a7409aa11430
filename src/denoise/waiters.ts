import type { DenoisedSlice } from './types';

interface Waiter {
  /** It wants the slice before all others. */
  readonly urgent: boolean;
  resolve(slice: DenoisedSlice): void;
  reject(error: unknown): void;
}

/** Who waits for which slice, by index. */
export class Waiters {
  readonly #waiting = new Map<number, Set<Waiter>>();

  /** @param onLeave called when the signal aborts and nobody who is urgent waits for the slice any more */
  add(
    index: number,
    urgent: boolean,
    signal: AbortSignal | undefined,
    onLeave: () => void,
  ): Promise<DenoisedSlice> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(index) ?? new Set();
      const leave = () => {
        waiting.delete(waiter);
        if (waiting.size === 0) this.#waiting.delete(index);
        if (![...waiting].some(other => other.urgent)) onLeave();
        reject(signal!.reason as Error);
      };
      const settle = () => signal?.removeEventListener('abort', leave);
      const waiter: Waiter = {
        urgent,
        resolve: slice => (settle(), resolve(slice)),
        reject: error => (settle(), reject(error as Error)),
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.set(index, waiting.add(waiter));
    });
  }

  resolve(index: number, slice: DenoisedSlice): void {
    for (const waiter of this.#leaving(index)) waiter.resolve(slice);
  }

  reject(index: number, error: Error): void {
    for (const waiter of this.#leaving(index)) waiter.reject(error);
  }

  /** @returns the slices that were waited for */
  rejectAll(error: Error): number[] {
    const indices = [...this.#waiting.keys()];
    for (const index of indices) this.reject(index, error);
    return indices;
  }

  #leaving(index: number): Iterable<Waiter> {
    const waiting = this.#waiting.get(index) ?? [];
    this.#waiting.delete(index);
    return waiting;
  }
}
