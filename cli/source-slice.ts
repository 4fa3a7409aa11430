import { sliceFromStored, type CtSlice, type NaturalizedInstance, type SliceHu } from '../src/ct';
import { decodeFrame, parsePart10, type ParsedInstance } from '../src/dicom';
import type { SourceHeader } from '../src/series';
import type { SourceInstance } from './source';

interface Loaded {
  readonly parsed: ParsedInstance;
  readonly slice: SliceHu;
}

/** A slice of a folder or an archive. What the job has read is kept until the derived instance is made of it, so a file is read and decoded once. */
export class SourceSlice implements CtSlice {
  readonly instance: NaturalizedInstance;
  #loaded: Promise<Loaded> | null = null;

  /** @param onLoad told how long reading and decoding took, ms */
  constructor(
    private readonly source: SourceInstance,
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

  /** Nobody needs it any more. */
  release(): void {
    this.#loaded = null;
  }

  #load(signal?: AbortSignal): Promise<Loaded> {
    if (this.#loaded) return this.#loaded;
    const loaded = this.#read(signal);
    this.#loaded = loaded;
    loaded.catch(() => (this.#loaded = null));
    return loaded;
  }

  async #read(signal?: AbortSignal): Promise<Loaded> {
    const started = performance.now();
    const parsed = parsePart10(await this.source.read(signal));
    const { stored } = await decodeFrame(parsed);
    const slice = sliceFromStored(stored, this.instance);
    this.onLoad(performance.now() - started);
    return { parsed, slice };
  }
}
