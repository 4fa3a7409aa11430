import {
  sliceToStored,
  storedSlice,
  type NaturalizedInstance,
  type StoredPixels,
  type StoredSlice,
} from '../ct';
import { decodeFrame, type DecodedFrame } from './decode';
import { derivedAttributes, type DerivedUids, type SourceReference } from './derived-attributes';
import { tagOfKeyword } from './dictionary';
import { asciiOf, type RawDataset } from './elements';
import { unreadable } from './errors';
import { lossyHistory } from './lossy';
import { naturalize, rawFromNaturalized } from './naturalized';
import type { PrivateAllowList } from './private-tags';
import { settingsKey, type Provenance } from './provenance';
import { parsePart10, type ParsedInstance } from './reader';
import type { SeriesMoment } from './series-moment';
import { TAG } from './tags';
import { deterministicUid, sha256Hex } from './uid';
import { writePart10 } from './writer';

/**
 * Where a derived slice comes from: Part 10 bytes, the same already read (and decoded), or what a viewer holds: a naturalised dataset and the
 * decoded pixel words. All give the same UIDs and pixels; from a naturalised dataset, values that the viewer did not load (private, bulk data)
 * cannot be copied.
 */
export type DeriveSource =
  | Uint8Array
  | { readonly parsed: ParsedInstance; readonly frame?: DecodedFrame }
  | { readonly instance: NaturalizedInstance; readonly stored: StoredPixels };

export interface DeriveInput {
  readonly source: DeriveSource;
  /** The blended slice in HU, rows x columns, row-major, as `blend` gives it. Values under the source's padding are ignored. */
  readonly hu: Int16Array | Float32Array;
  readonly provenance: Provenance;
  /** When the derived slices were made; one moment for all slices of a run. */
  readonly createdAt: Date;
  /** Series Date and Time that an earlier run gave the series; null or absent: `createdAt`. */
  readonly seriesMoment?: SeriesMoment | null;
  /** Other instances the model read for this slice. */
  readonly neighbours?: readonly SourceReference[];
  /** Value 2 of Image Type; SECONDARY unless a site's rules want PRIMARY. */
  readonly imageTypeValue2?: 'PRIMARY' | 'SECONDARY';
  readonly privateAllowList?: PrivateAllowList;
}

export interface DerivedInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Part 10, Explicit VR Little Endian. */
  readonly part10: Uint8Array;
}

/**
 * One derived CT Image Storage instance (docs/dicom-conformance.md). Pixels are `hu` in the source's own pixel format: rounded once, clamped
 * to Bits Stored, padding restored exactly.
 * @throws DenoiseError: `unreadable-dicom`, `undecodable`, or the refusals of `modalityOf`; RangeError when `hu` has another size than the
 * source or is not finite.
 */
export async function deriveInstance(input: DeriveInput): Promise<DerivedInstance> {
  return derivePrepared(prepareSource(input.source), input);
}

/**
 * Derives slice after slice and holds one at a time: the next input is pulled when the last slice was taken.
 * @param derive `deriveInstance`, or the `derive` of a WorkerDeriver
 */
export async function* deriveSeries(
  inputs: Iterable<DeriveInput> | AsyncIterable<DeriveInput>,
  derive: (input: DeriveInput) => Promise<DerivedInstance> = deriveInstance,
): AsyncGenerator<DerivedInstance> {
  for await (const input of inputs) yield await derive(input);
}

/** What `deriveInstance` will call the series; known before a slice is computed, so that a resumed run finds what it has stored. */
export function derivedSeriesInstanceUid(sourceSeriesInstanceUid: string, provenance: Provenance): string {
  return deterministicUid(['series', sourceSeriesInstanceUid, ...settingsKey(provenance)]);
}

/** The UIDs `deriveInstance` gives for this source, without any HU, so that a resumed run finds what it has made. */
export async function derivedUidsOf(source: DeriveSource, provenance: Provenance): Promise<DerivedUids> {
  return derivedUids(await readPrepared(prepareSource(source)), provenance);
}

/**
 * A source that a worker can be sent: dcmjs's naturalised sequences are proxies, which cannot be cloned, so a naturalised dataset is turned into
 * elements first.
 */
export type PreparedSource =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'parsed'; readonly parsed: ParsedInstance; readonly frame: DecodedFrame | null }
  | ElementSource;

interface ElementSource {
  readonly kind: 'elements';
  readonly dataset: RawDataset;
  /** The attributes that src/ct reads to understand the pixels. */
  readonly format: NaturalizedInstance;
  readonly stored: StoredPixels;
}

const FORMAT_KEYWORDS = [
  ...['SOPInstanceUID', 'SOPClassUID', 'SeriesInstanceUID', 'StudyInstanceUID'],
  ...['Rows', 'Columns', 'BitsAllocated', 'BitsStored', 'HighBit', 'PixelRepresentation'],
  ...['RescaleSlope', 'RescaleIntercept', 'PixelPaddingValue', 'PixelPaddingRangeLimit'],
] as const;

/** The part of deriving that has to be done where the source is; quick. */
export function prepareSource(source: DeriveSource): PreparedSource {
  if (source instanceof Uint8Array) return { kind: 'file', bytes: source };
  if ('parsed' in source) {
    const { parsed, frame = null } = source;
    if (!frame) return { kind: 'parsed', parsed, frame };
    // The frame is at hand, so the encoded pixels need not travel; what they tell about lossy compression is taken now.
    const dataset: RawDataset = new Map([...parsed.dataset, ...lossyHistory(parsed, frame)]);
    dataset.delete(TAG.PixelData);
    return { kind: 'parsed', parsed: { ...parsed, dataset }, frame };
  }
  const { instance, stored } = source;
  const format = Object.fromEntries(FORMAT_KEYWORDS.map(keyword => [keyword, plain(instance[keyword])]));
  return {
    kind: 'elements',
    dataset: rawFromNaturalized(instance),
    format: format as NaturalizedInstance,
    stored,
  };
}

/** A number or text, of one value; numbers may come in an array, or as an object that stands for one. */
function plain(value: unknown): unknown {
  const one = Array.isArray(value) ? (value as unknown[])[0] : value;
  return one === undefined || one === null || typeof one === 'number' ? one : String(one as string);
}

/** The rest, in the same thread or another. */
export async function derivePrepared(
  prepared: PreparedSource,
  input: Omit<DeriveInput, 'source'>,
): Promise<DerivedInstance> {
  const source = await readPrepared(prepared);
  const { values, padding, modality } = source;
  if (input.hu.length !== values.length) {
    throw new RangeError(`${input.hu.length} HU for ${values.length} pixels of the source`);
  }
  const hu = input.hu instanceof Float32Array ? input.hu : Float32Array.from(input.hu);
  // As a stored value NaN would be 0, which is air or bone by the intercept.
  if (!isFinite(hu, padding)) throw new RangeError('HU that are not finite');
  const pixels = sliceToStored(hu, modality, padding, values);
  const uids = await derivedUids(source, input.provenance);
  return { ...uids, part10: writePart10(derivedAttributes(source.dataset, pixels, uids, input)) };
}

/** Of all that is not padding. A sum of float32 numbers stays finite in float64. */
function isFinite(hu: Float32Array, padding: Uint8Array | null): boolean {
  let sum = 0;
  for (let i = 0; i < hu.length; i++) if (padding?.[i] !== 1) sum += hu[i]!;
  return Number.isFinite(sum);
}

interface ReadSource extends StoredSlice {
  readonly dataset: RawDataset;
}

/** From here on there are stored values alone: a viewer's words and a file's, which may hold more bits, are the same source. */
async function readPrepared(prepared: PreparedSource): Promise<ReadSource> {
  const { dataset, format, stored } = await elementsOf(prepared);
  return { dataset, ...storedSlice(stored, format) };
}

async function elementsOf(prepared: PreparedSource): Promise<ElementSource> {
  if (prepared.kind === 'elements') return prepared;
  const parsed = prepared.kind === 'file' ? parsePart10(prepared.bytes) : prepared.parsed;
  const known = prepared.kind === 'file' ? null : prepared.frame;
  const frame = known ?? (await decodeFrame(parsed));
  const dataset = known ? parsed.dataset : new Map([...parsed.dataset, ...lossyHistory(parsed, frame)]);
  return { kind: 'elements', dataset, format: formatOf(parsed), stored: frame.stored };
}

/** `naturalize`, but of the pixel format alone: dcmjs takes milliseconds for a whole header. */
function formatOf(parsed: ParsedInstance): NaturalizedInstance {
  const tags = FORMAT_KEYWORDS.map(keyword => tagOfKeyword(keyword)!);
  const dataset: RawDataset = new Map([...parsed.dataset].filter(([tag]) => tags.includes(tag)));
  return naturalize({ ...parsed, dataset });
}

async function derivedUids({ dataset, values }: ReadSource, provenance: Provenance): Promise<DerivedUids> {
  const [study, series, instance] = [TAG.StudyInstanceUID, TAG.SeriesInstanceUID, TAG.SOPInstanceUID].map(
    tag => {
      const uid = asciiOf(dataset, tag);
      // Copied or referred to as it is, even when its characters are not those of a UID: the archive knows its study under no other name.
      if (!/^[\x21-\x5b\x5d-\x7e]{1,64}$/.test(uid))
        throw unreadable(`a UID is missing or malformed: "${uid}"`);
      return uid;
    },
  ) as [string, string, string];
  const pixelHash = await sha256Hex(littleEndian16(values));
  return {
    studyInstanceUid: study,
    seriesInstanceUid: derivedSeriesInstanceUid(series, provenance),
    sopInstanceUid: deterministicUid(['instance', instance, pixelHash, ...settingsKey(provenance)]),
  };
}

/** Values as 16-bit little endian, so that the array type a decoder chose makes no difference. */
function littleEndian16(values: StoredPixels): Uint8Array {
  const words = values.BYTES_PER_ELEMENT === 2 ? values : Int16Array.from(values);
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
