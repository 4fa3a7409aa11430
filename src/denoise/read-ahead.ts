import type { CtSlice, SliceHu } from '../ct';
import { DenoiseError } from '../notices';

/** Pixels on their way from the source. */
interface SourceRead {
  readonly index: number;
  readonly pixels: Promise<SliceHu>;
  readonly stop: AbortController;
}

/** Reads the pixels of slices, the next one's while the present one is computed. Slices are indices along the normal. */
export class ReadAhead {
  readonly #slices: readonly CtSlice[];
  #ahead: SourceRead | null = null;

  constructor(slices: readonly CtSlice[]) {
    this.#slices = slices;
  }

  /**
   * The slice's pixels, those read ahead if they are of this slice. A source that never answers does not outlive `signal`.
   * Rejects with what the source rejects with, or the signal's reason.
   */
  take(index: number, signal: AbortSignal): Promise<SliceHu> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead && ahead.index !== index) {
      ahead.stop.abort(
        new DenoiseError({ kind: 'fault', code: 'cancelled', detail: 'another slice is wanted first' }),
      );
    }
    const { pixels, stop } = ahead?.index === index ? ahead : this.#read(index);
    return new Promise((resolve, reject) => {
      const abort = () => {
        stop.abort(signal.reason);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      pixels.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Begins to read a slice that will be taken later; null for none. */
  begin(index: number | null): void {
    this.#ahead = index === null ? null : this.#read(index);
  }

  /** Stops what is being read ahead. */
  stop(reason: DenoiseError): void {
    this.#ahead?.stop.abort(reason);
    this.#ahead = null;
  }

  #read(index: number): SourceRead {
    const stop = new AbortController();
    const pixels = (async () => this.#slices[index]!.loadHu(stop.signal))();
    // Whoever takes the slice sees the error; until then nobody handles it.
    pixels.catch(() => undefined);
    return { index, pixels, stop };
  }
}
