import type { CtSlice, SliceHu } from '../ct';
import { DenoiseError } from '../notices';

/** Pixels that are on their way from the source, or here. */
interface SourceRead {
  readonly pixels: Promise<SliceHu>;
  readonly stop: AbortController;
  arrived: boolean;
}

/** A slice whose pixels did not come, and the source's reason as `cause`. */
export class SliceUnavailable extends Error {
  override readonly name = 'SliceUnavailable';
  constructor(
    readonly index: number,
    cause: unknown,
  ) {
    super(`slice ${index} is unavailable`, { cause });
  }
}

/**
 * Reads the pixels of slabs, the next one's while the present one is computed, and keeps those that a slab to come reads too. Slices are indices
 * along the normal.
 */
export class ReadAhead {
  readonly #slices: readonly CtSlice[];
  /** By slice, least recently wanted first. */
  readonly #reads = new Map<number, SourceRead>();

  constructor(slices: readonly CtSlice[]) {
    this.#slices = slices;
  }

  /**
   * The pixels of these slices, in their order. What is still being read for another slab is stopped. A source that never answers does not outlive
   * `signal`. Rejects with SliceUnavailable, or the signal's reason.
   */
  take(indices: readonly number[], signal: AbortSignal): Promise<SliceHu[]> {
    const other = new DenoiseError({
      kind: 'fault',
      code: 'cancelled',
      detail: 'another slice is wanted first',
    });
    for (const [index, read] of this.#reads) {
      if (read.arrived || indices.includes(index)) continue;
      this.#reads.delete(index);
      read.stop.abort(other);
    }
    this.begin(indices);
    const reads = indices.map(index => this.#reads.get(index)!);
    const pixels = indices.map((index, i) =>
      reads[i]!.pixels.catch((cause: unknown) => {
        // The next slab that reads it asks again.
        if (this.#reads.get(index) === reads[i]) this.#reads.delete(index);
        throw new SliceUnavailable(index, cause);
      }),
    );
    return new Promise((resolve, reject) => {
      const abort = () => {
        for (const read of reads) read.stop.abort(signal.reason);
        for (const index of indices) this.#reads.delete(index);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      Promise.all(pixels)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Begins to read slices that will be taken later. */
  begin(indices: readonly number[]): void {
    for (const index of indices) {
      const read = this.#reads.get(index) ?? this.#read(index);
      this.#reads.delete(index);
      this.#reads.set(index, read);
    }
  }

  /** The pixels of slices that are being read or here, in their order, once all are here; null when one is not. */
  async arrived(indices: readonly number[]): Promise<SliceHu[] | null> {
    const reads = indices.map(index => this.#reads.get(index)?.pixels);
    const pixels = await Promise.all(reads.map(read => read?.catch(() => undefined)));
    return pixels.every(one => one !== undefined) ? pixels : null;
  }

  /** Lets go what is here and not needed, and of the rest, beyond `most`, what was wanted longest ago. */
  keep(isNeeded: (index: number) => boolean, most: number): void {
    const here = [...this.#reads].filter(([, { arrived }]) => arrived).map(([index]) => index);
    const needed = here.filter(isNeeded);
    const kept = new Set(needed.slice(Math.max(0, needed.length - most)));
    for (const index of here) if (!kept.has(index)) this.#reads.delete(index);
  }

  /** Stops what is being read and forgets what is here. */
  stop(reason: DenoiseError): void {
    for (const read of this.#reads.values()) read.stop.abort(reason);
    this.#reads.clear();
  }

  #read(index: number): SourceRead {
    const stop = new AbortController();
    const pixels = (async () => this.#slices[index]!.loadHu(stop.signal))();
    const read: SourceRead = { pixels, stop, arrived: false };
    // Whoever takes the slice sees the error; until then nobody handles it.
    pixels.then(
      () => (read.arrived = true),
      () => undefined,
    );
    return read;
  }
}
