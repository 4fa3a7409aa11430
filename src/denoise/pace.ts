/** Enough to even out a slow slice or two, few enough to follow a change of provider. */
const WINDOW = 15;

/** Time per slice, by the median of the last ones: the first after a start or a restart takes many times longer. */
export class Pace {
  readonly #last: number[] = [];

  add(ms: number): void {
    this.#last.push(ms);
    if (this.#last.length > WINDOW) this.#last.shift();
  }

  /** Null before the first slice. */
  get msPerSlice(): number | null {
    if (this.#last.length === 0) return null;
    const sorted = [...this.#last].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }
}
