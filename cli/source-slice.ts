import { sliceFromStored, type CtSlice, type NaturalizedInstance, type SliceHu } from '../src/ct';
import { decodeFrame, parsePart10, pixelHashOf, type ParsedInstance } from '../src/dicom';
import type { SourceHeader } from '../src/series';
import type { SourceInstance } from './source';

interface Loaded {
  readonly parsed: ParsedInstance;
  readonly slice: SliceHu;
}

/**
 * A slice of a folder or an archive. What the job has read is kept until the derived instance is made of it, so a file is read and decoded once. A slice
 * that serves as a neighbour only is not kept; what it is known by is.
 */
export class SourceSlice implements CtSlice {
  readonly instance: NaturalizedInstance;
  #loaded: Promise<Loaded> | null = null;
  #pixelHash: string | null = null;

  /**
   * @param kept until `release`
   * @param hashed for a model that reads neighbours
   * @param onLoad told how long reading and decoding took, ms
   */
  constructor(
    private readonly source: SourceInstance,
    private kept: boolean,
    private readonly hashed: boolean,
    private readonly onLoad: (ms: number) => void,
  ) {
    this.instance = source.instance;
  }

  async loadHu(signal?: AbortSignal): Promise<SliceHu> {
    return (await this.#load(signal)).slice;
  }

  async header(signal?: AbortSignal): Promise<SourceHeader> {
    return { parsed: (await this.#load(signal)).parsed };
  }

  /** `pixelHashOf` what was loaded before. */
  async pixelHash(signal?: AbortSignal): Promise<string> {
    return this.#pixelHash ?? pixelHashOf((await this.#load(signal)).slice.stored);
  }

  /** No derived instance is to be made of it any more. */
  release(): void {
    this.kept = false;
    this.#loaded = null;
  }

  #load(signal?: AbortSignal): Promise<Loaded> {
    if (this.#loaded) return this.#loaded;
    const loaded = this.#read(signal);
    if (this.kept) this.#loaded = loaded;
    loaded.catch(() => (this.#loaded = null));
    return loaded;
  }

  async #read(signal?: AbortSignal): Promise<Loaded> {
    const started = performance.now();
    const parsed = parsePart10(await this.source.read(signal));
    const { stored } = await decodeFrame(parsed);
    const slice = sliceFromStored(stored, this.instance);
    if (this.hashed) this.#pixelHash ??= await pixelHashOf(slice.stored);
    this.onLoad(performance.now() - started);
    return { parsed, slice };
  }
}
