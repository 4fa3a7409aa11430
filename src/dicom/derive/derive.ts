import { sliceToStored, storedSlice, type StoredPixels, type StoredSlice } from '../../ct';
import { decodeFrame } from '../pixels/decode';
import { derivedAttributes } from './derived-attributes';
import { asciiOf, type RawDataset } from '../part10/elements';
import { unreadable } from '../part10/errors';
import { lossyHistory } from './lossy';
import { rawFromNaturalized } from '../part10/naturalized';
import { settingsKey, type Provenance } from './provenance';
import { pixelFormatOf } from '../pixels/pixel-format';
import { parsePart10, type ParsedInstance } from '../part10/reader';
import { TAG } from '../part10/tags';
import type {
  DerivedInstance,
  DerivedUids,
  DeriveInput,
  DeriveSettings,
  DeriveSource,
  SlabSources,
  SourceIdentity,
} from './types';
import { deterministicUid, sha256Hex } from './uid';
import { writePart10 } from '../part10/writer';

/**
 * One derived CT Image Storage instance (docs/dicom-conformance.md). Pixels are `hu` in the source's own pixel format: rounded once, clamped
 * to Bits Stored, padding restored exactly.
 * @throws DenoiseError: `unreadable-dicom`, `undecodable`, or the refusals of `modalityOf`; RangeError when `hu` has another size than the
 * source or is not finite.
 */
export async function deriveInstance(input: DeriveInput): Promise<DerivedInstance> {
  return derivePrepared(prepareSource(input.source), input);
}

/** What `deriveInstance` will call the series; known before a slice is computed, so that a resumed run finds what it has stored. */
export function derivedSeriesInstanceUid(sourceSeriesInstanceUid: string, provenance: Provenance): string {
  return deterministicUid(['series', sourceSeriesInstanceUid, ...settingsKey(provenance)]);
}

/** @throws DenoiseError as `deriveInstance` */
export async function sourceIdentityOf(source: DeriveSource): Promise<SourceIdentity> {
  return identityOf(await readPrepared(prepareSource(source)));
}

/** The UIDs `deriveInstance` gives for this source, without any HU, so that a resumed run finds what it has made. */
export function derivedUidsOf(
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid, pixelHash }: SourceIdentity,
  provenance: Provenance,
  slab: SlabSources | null = null,
): DerivedUids {
  const settings = settingsKey(provenance);
  // A slice that was made with neighbours is another when one of them is; a slice by itself keeps the UID it always had.
  const read = slab?.inputs.map(input => `${input.sopInstanceUid} ${input.pixelHash}`) ?? [];
  const made = slab ? ['slab', slab.output, ...read] : [];
  return {
    studyInstanceUid,
    seriesInstanceUid: derivedSeriesInstanceUid(seriesInstanceUid, provenance),
    sopInstanceUid: deterministicUid(['instance', sopInstanceUid, pixelHash, ...settings, ...made]),
  };
}

/**
 * A source that a worker can be sent: dcmjs's naturalised sequences are proxies, which cannot be cloned, so a naturalised dataset is turned into
 * elements first.
 */
export type PreparedSource =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'parsed'; readonly parsed: ParsedInstance; readonly stored: null }
  | ElementSource;

interface ElementSource {
  readonly kind: 'elements';
  readonly dataset: RawDataset;
  readonly stored: StoredPixels;
}

/** The part of deriving that has to be done where the source is; quick. */
export function prepareSource(source: DeriveSource): PreparedSource {
  if (source instanceof Uint8Array) return { kind: 'file', bytes: source };
  if ('instance' in source) {
    return { kind: 'elements', dataset: rawFromNaturalized(source.instance), stored: source.stored };
  }
  const { parsed, stored } = source;
  if (!stored) return { kind: 'parsed', parsed, stored: null };
  const dataset = withLossyHistory(parsed);
  // The stored values are known, so the encoded pixels need not travel.
  dataset.delete(TAG.PixelData);
  return { kind: 'elements', dataset, stored };
}

/** What the source's own encoding tells about lossy compression must be taken before its pixels are replaced. */
const withLossyHistory = (parsed: ParsedInstance): RawDataset =>
  new Map([...parsed.dataset, ...lossyHistory(parsed)]);

/** The rest, in the same thread or another. */
export async function derivePrepared(
  prepared: PreparedSource,
  input: DeriveSettings,
): Promise<DerivedInstance> {
  const source = await readPrepared(prepared);
  const hu = input.hu instanceof Float32Array ? input.hu : Float32Array.from(input.hu);
  // As a stored value NaN would be 0, which is air or bone by the intercept.
  if (!isFinite(hu, source.padding)) throw new RangeError('HU that are not finite');
  const pixels = sliceToStored(hu, source);
  const uids = derivedUidsOf(await identityOf(source), input.provenance, input.slab);
  return {
    ...uids,
    part10: writePart10(derivedAttributes(source.dataset, pixels, uids, input)),
    pixelHash: await sha256Hex(bytesOf(pixels)),
  };
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

/** A viewer's stored values and a file's are the same source. */
async function readPrepared(prepared: PreparedSource): Promise<ReadSource> {
  const { dataset, stored } = prepared.kind === 'elements' ? prepared : await decoded(prepared);
  return { dataset, ...storedSlice(stored, pixelFormatOf(dataset)) };
}

async function decoded(prepared: Exclude<PreparedSource, ElementSource>) {
  const parsed = prepared.kind === 'file' ? parsePart10(prepared.bytes) : prepared.parsed;
  const { stored } = await decodeFrame(parsed);
  return { dataset: withLossyHistory(parsed), stored };
}

async function identityOf({ dataset, stored }: ReadSource): Promise<SourceIdentity> {
  const [studyInstanceUid, seriesInstanceUid, sopInstanceUid] = [
    TAG.StudyInstanceUID,
    TAG.SeriesInstanceUID,
    TAG.SOPInstanceUID,
  ].map(tag => {
    const uid = asciiOf(dataset, tag);
    // Copied or referred to as it is, even when its characters are not those of a UID: the archive knows its study under no other name.
    if (!/^[\x21-\x5b\x5d-\x7e]{1,64}$/.test(uid))
      throw unreadable(`a UID is missing or malformed: "${uid}"`);
    return uid;
  }) as [string, string, string];
  return {
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    sopClassUid: asciiOf(dataset, TAG.SOPClassUID),
    pixelHash: await pixelHashOf(stored),
  };
}

/** `pixelHash` of a SourceIdentity. @param stored of a slice (src/ct) */
export function pixelHashOf(stored: StoredPixels): Promise<string> {
  return sha256Hex(littleEndian16(stored));
}

/** Stored values as 16-bit little endian, so that 8 bits allocated and 16 make no difference. */
function littleEndian16(stored: StoredPixels): Uint8Array {
  return bytesOf(stored.BYTES_PER_ELEMENT === 2 ? stored : Int16Array.from(stored));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: StoredPixels) =>
  new Uint8Array(buffer, byteOffset, byteLength);
