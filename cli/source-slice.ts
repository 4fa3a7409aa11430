import { sliceFromStored, type CtSlice, type NaturalizedInstance, type SliceHu } from '../src/ct';
import { decodeFrame, naturalize, parsePart10, pixelHashOf, type ParsedInstance } from '../src/dicom';
import { DenoiseError } from '../src/notices';
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
    assertListed(naturalize(parsed), this.instance);
    const { stored } = await decodeFrame(parsed);
    const slice = sliceFromStored(stored, this.instance);
    if (this.hashed) {
      const pixelHash = await pixelHashOf(slice.stored);
      this.#pixelHash ??= pixelHash;
      if (pixelHash !== this.#pixelHash) throw changed(this.instance, 'its pixels have changed');
    }
    this.onLoad(performance.now() - started);
    return { parsed, slice };
  }
}

/** What the verdict, the order of the slices and the HU were made from. */
const RELIED_ON = [
  'StudyInstanceUID',
  'SeriesInstanceUID',
  'Rows',
  'Columns',
  'BitsAllocated',
  'BitsStored',
  'PixelRepresentation',
  'RescaleSlope',
  'RescaleIntercept',
  'ImagePositionPatient',
  'ImageOrientationPatient',
  'PixelSpacing',
];

/** The image that was read is the one that was listed. @throws DenoiseError `source-changed` */
function assertListed(read: NaturalizedInstance, listed: NaturalizedInstance): void {
  if (read.SOPInstanceUID !== listed.SOPInstanceUID)
    throw changed(listed, `image ${read.SOPInstanceUID || 'without a UID'} was read instead`);
  const other = RELIED_ON.find(keyword => !isSame(read[keyword], listed[keyword]));
  if (other !== undefined) throw changed(listed, `its ${other} is another`);
}

/** One value may be itself or a list of one, and a number may be its text: an archive's JSON and a file say the same in both ways. */
function isSame(one: unknown, other: unknown): boolean {
  const [a, b] = [one, other].map(value => (Array.isArray(value) ? value : [value])) as [
    unknown[],
    unknown[],
  ];
  return (
    a.length === b.length && a.every((value, i) => value === b[i] || isNear(Number(value), Number(b[i])))
  );
}

/** Some archives keep decimals as float32. */
const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a));

function changed({ SOPInstanceUID: sopInstanceUid }: NaturalizedInstance, what: string): DenoiseError {
  return new DenoiseError({ kind: 'fault', code: 'source-changed', sopInstanceUid, what });
}
