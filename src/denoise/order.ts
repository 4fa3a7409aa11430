/**
 * Which slab next. Slices are indices along the normal; a slab is the slices whose results one run of the model gives. Slabs with a requested slice
 * come first, then all others; within each, the slab of the focus, then outward, on either side in turn, first on the side to which the focus last
 * moved (at first the higher): with slabs of one slice focus, +1, -1, +2, -2 and so on.
 */
export class SliceOrder {
  readonly #pending: Set<number>;
  readonly #requested = new Set<number>();
  #focus: number;
  #direction: 1 | -1 = 1;
  #slabs: readonly (readonly number[])[];
  #slabOf: readonly number[];
  #largest = 1;

  /** Each slice a slab of its own, until `plan`. @param wanted the slices that are to be taken */
  constructor(
    private readonly count: number,
    focus: number,
    wanted: Iterable<number> = Array.from({ length: count }, (_, index) => index),
  ) {
    this.#pending = new Set(wanted);
    this.#focus = focus;
    this.#slabs = Array.from({ length: count }, (_, index) => [index]);
    this.#slabOf = this.#slabs.map((_, index) => index);
  }

  /** Slices not taken yet. */
  get remaining(): number {
    return this.#pending.size;
  }

  /** @param slabs the slices of each, every slice in one */
  plan(slabs: readonly (readonly number[])[]): void {
    this.#slabs = slabs;
    const slabOf = new Array<number>(this.count);
    slabs.forEach((own, slab) => own.forEach(index => (slabOf[index] = slab)));
    this.#slabOf = slabOf;
    this.#largest = Math.max(1, ...slabs.map(own => own.length));
  }

  focus(index: number): void {
    if (index !== this.#focus) this.#direction = index > this.#focus ? 1 : -1;
    this.#focus = index;
  }

  request(index: number): void {
    if (this.#pending.has(index)) this.#requested.add(index);
  }

  unrequest(index: number): void {
    this.#requested.delete(index);
  }

  /** Slabs with a slice that is not taken yet. */
  pendingSlabs(): ReadonlySet<number> {
    return new Set([...this.#pending].map(index => this.#slabOf[index]!));
  }

  /** The slab that `take` would give, left in place; null when there is none. */
  peek(onlyRequested = false): number | null {
    return this.#nearest(this.#requested) ?? (onlyRequested ? null : this.#nearest(this.#pending));
  }

  /** Hands out the next slab, and which of its slices are wanted; they will not come again unless put back. */
  take(onlyRequested = false): { readonly slab: number; readonly wanted: readonly number[] } | null {
    const slab = this.peek(onlyRequested);
    if (slab === null) return null;
    const wanted = this.#slabs[slab]!.filter(index => this.#pending.delete(index));
    for (const index of wanted) this.#requested.delete(index);
    return { slab, wanted };
  }

  /** For a slice that was taken and not done. */
  putBack(index: number): void {
    this.#pending.add(index);
  }

  #nearest(indices: ReadonlySet<number>): number | null {
    let best: number | null = null;
    let least: readonly number[] = [];
    for (const slab of new Set([...indices].map(index => this.#slabOf[index]!))) {
      const rank = this.#rank(this.#slabs[slab]!);
      if (best !== null && !comesBefore(rank, least)) continue;
      best = slab;
      least = rank;
    }
    return best;
  }

  /** How many slabs away, on which side, how many slices away. */
  #rank(own: readonly number[]): readonly number[] {
    const [first, last] = [own[0]!, own.at(-1)!];
    if (own.includes(this.#focus)) return [0, 0, 0];
    const side = (first + last) / 2 > this.#focus ? 1 : -1;
    const distance = Math.min(...own.map(index => Math.abs(index - this.#focus)));
    return [Math.ceil(distance / this.#largest), side === this.#direction ? 0 : 1, distance];
  }
}

function comesBefore(a: readonly number[], b: readonly number[]): boolean {
  const differs = a.findIndex((value, i) => value !== b[i]);
  return differs >= 0 && a[differs]! < b[differs]!;
}
