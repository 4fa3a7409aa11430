import type { CtSlice, NaturalizedInstance, SliceHu } from '../ct';
import { blend, type DenoisedSlice } from '../denoise';
import {
  deriveInstance,
  pixelHashOf,
  type DerivedInstance,
  type DeriveInput,
  type ParsedInstance,
  type Provenance,
  type SeriesMoment,
  type SlabSources,
} from '../dicom';
import { DenoiseError } from '../notices';

/** All of a source instance but its pixels: a file that was read, or what a viewer has loaded where there is no file. */
export type SourceHeader = { readonly parsed: ParsedInstance } | { readonly instance: NaturalizedInstance };

export interface DerivedSeriesOptions<Slice extends CtSlice> {
  /** The whole series: a model of slabs reads neighbours of which there need not be a result. */
  readonly slices: readonly Slice[];
  /** Full-strength results of `slices`, in the order in which their instances are to be made. */
  readonly results: Iterable<DenoisedSlice> | AsyncIterable<DenoisedSlice>;
  /** 0 to 1, for all slices. */
  readonly strength: number;
  /** Part of the UIDs: two values give two series. */
  provenance(result: DenoisedSlice): Provenance;
  /** `pixelHashOf` the stored values of a neighbour the model read; the default loads its pixels for it, once. */
  pixelHash?(slice: Slice, signal?: AbortSignal): Promise<string>;
  /** Is called once for each result, while the slice before is derived. */
  header(slice: Slice, signal?: AbortSignal): Promise<SourceHeader>;
  readonly createdAt: Date;
  /** Series Date and Time of instances that an earlier run made of this series; null or absent: `createdAt`. */
  readonly seriesMoment?: SeriesMoment | null;
  /** `deriveInstance` (the default), or the `derive` of a WorkerDeriver. */
  readonly derive?: (input: DeriveInput) => Promise<DerivedInstance>;
  /** A slice that cannot be read or derived is told here, and the others go on. Absent: it ends the series. */
  readonly onFailure?: (sopInstanceUid: string, error: DenoiseError) => void;
  readonly signal?: AbortSignal;
}

/** A result and its source, or why there is no source. */
type Loaded =
  | {
      readonly result: DenoisedSlice;
      readonly source: SliceHu;
      readonly header: SourceHeader;
      readonly slab: SlabSources | null;
    }
  | { readonly result: DenoisedSlice; readonly error: unknown };

/**
 * The derived series, instance after instance: source and result are blended at `strength` and written under the source's header. One slice is read
 * ahead: pixels and header of the next result are loaded while the present one is derived and taken. Ending the iteration early ends `results`.
 * @throws what `results`, `loadHu`, `header` and `derive` reject with (see `onFailure`), the signal's reason; RangeError for a result that is not of
 * `slices`
 */
export async function* derivedSeries<Slice extends CtSlice>(
  options: DerivedSeriesOptions<Slice>,
): AsyncGenerator<DerivedInstance> {
  const loader = new Loader(options);
  try {
    for (;;) {
      const loaded = await loader.take();
      options.signal?.throwIfAborted();
      if (!loaded) return;
      const instance = await derived(loaded, options);
      if (instance) yield instance;
    }
  } finally {
    loader.stop();
  }
}

/** Null for a slice that failed and was told. */
async function derived(
  loaded: Loaded,
  options: DerivedSeriesOptions<CtSlice>,
): Promise<DerivedInstance | null> {
  const { result } = loaded;
  const { derive = deriveInstance, strength, provenance, createdAt, seriesMoment = null } = options;
  try {
    if ('error' in loaded) throw loaded.error;
    const { source, header, slab } = loaded;
    return await derive({
      source: { ...header, stored: source.stored },
      hu: blend(source, result.hu, strength),
      provenance: provenance(result),
      createdAt,
      seriesMoment,
      slab,
    });
  } catch (error) {
    if (!options.onFailure || !(error instanceof DenoiseError) || options.signal?.aborted) throw error;
    options.onFailure(result.sopInstanceUid, error);
    return null;
  }
}

/** Reads results and their sources, one ahead. */
class Loader<Slice extends CtSlice> {
  readonly #slices: ReadonlyMap<string, Slice>;
  readonly #results: Iterator<DenoisedSlice> | AsyncIterator<DenoisedSlice>;
  /** Of slices that a slab has read, by SOP Instance UID. */
  readonly #hashes = new Map<string, string>();
  #next: Promise<Loaded | null>;

  constructor(private readonly options: DerivedSeriesOptions<Slice>) {
    const { slices, results } = options;
    this.#slices = new Map(slices.map(slice => [slice.instance.SOPInstanceUID, slice]));
    this.#results =
      Symbol.asyncIterator in results ? results[Symbol.asyncIterator]() : results[Symbol.iterator]();
    this.#next = this.#load();
  }

  /** The next one, and begins to load the one after it. Null at the end. */
  async take(): Promise<Loaded | null> {
    const loaded = await this.#next;
    if (loaded) this.#begin();
    return loaded;
  }

  /** Not awaited: a generator that waits for its next result cannot end before the result comes. */
  stop(): void {
    this.#next.catch(() => undefined);
    void this.#results.return?.();
  }

  #begin(): void {
    this.#next = this.#load();
    // Whoever takes it sees the error; until then nobody handles it.
    this.#next.catch(() => undefined);
  }

  async #load(): Promise<Loaded | null> {
    const { header, signal } = this.options;
    signal?.throwIfAborted();
    const { done, value: result } = await this.#results.next();
    if (done) return null;
    const slice = this.#slice(result.sopInstanceUid);
    try {
      const [source, head] = await Promise.all([slice.loadHu(signal), header(slice, signal)]);
      return { result, source, header: head, slab: await this.#slab(result, source) };
    } catch (error) {
      return { result, error };
    }
  }

  /** What the model read for a slice; null for a model of single slices. */
  async #slab({ sopInstanceUid, slab }: DenoisedSlice, source: SliceHu): Promise<SlabSources | null> {
    if (!slab) return null;
    if (!this.#hashes.has(sopInstanceUid)) this.#hashes.set(sopInstanceUid, await pixelHashOf(source.stored));
    const inputs = [];
    for (const uid of slab.inputs) {
      const slice = this.#slice(uid);
      const pixelHash = this.#hashes.get(uid) ?? (await this.#hashOf(slice));
      this.#hashes.set(uid, pixelHash);
      inputs.push({ sopClassUid: slice.instance.SOPClassUID, sopInstanceUid: uid, pixelHash });
    }
    return { inputs, output: slab.output };
  }

  async #hashOf(slice: Slice): Promise<string> {
    const { options } = this;
    const { signal } = options;
    return options.pixelHash
      ? options.pixelHash(slice, signal)
      : pixelHashOf((await slice.loadHu(signal)).stored);
  }

  #slice(sopInstanceUid: string): Slice {
    const slice = this.#slices.get(sopInstanceUid);
    if (!slice) throw new RangeError(`${sopInstanceUid} is not a slice of this series`);
    return slice;
  }
}
