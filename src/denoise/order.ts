/**
 * Which slice next. Slices are indices along the normal. Requested ones come first, then all others; within each, the nearest to the
 * focus, the higher index of two equally near: focus, +1, -1, +2, -2 and so on outward.
 */
export class SliceOrder {
  readonly #pending: Set<number>;
  readonly #requested = new Set<number>();
  #focus: number;

  constructor(count: number, focus: number) {
    this.#pending = new Set(Array.from({ length: count }, (_, index) => index));
    this.#focus = focus;
  }

  /** Slices not taken yet. */
  get remaining(): number {
    return this.#pending.size;
  }

  focus(index: number): void {
    this.#focus = index;
  }

  request(index: number): void {
    if (this.#pending.has(index)) this.#requested.add(index);
  }

  unrequest(index: number): void {
    this.#requested.delete(index);
  }

  /** The slice that `take` would give, left in place; null when there is none. */
  peek(onlyRequested = false): number | null {
    return this.#nearest(this.#requested) ?? (onlyRequested ? null : this.#nearest(this.#pending));
  }

  /** Hands out the next slice; it will not come again unless put back. */
  take(onlyRequested = false): number | null {
    const index = this.peek(onlyRequested);
    if (index !== null) {
      this.#pending.delete(index);
      this.#requested.delete(index);
    }
    return index;
  }

  /** For a slice that was taken and not done. */
  putBack(index: number): void {
    this.#pending.add(index);
  }

  #nearest(indices: ReadonlySet<number>): number | null {
    let best: number | null = null;
    for (const index of indices) {
      if (best === null) best = index;
      const closer = Math.abs(index - this.#focus) - Math.abs(best - this.#focus);
      if (closer < 0 || (closer === 0 && index > best)) best = index;
    }
    return best;
  }
}
