import {
  modalityOf,
  sliceFromStored,
  sliceToStored,
  type NaturalizedInstance,
  type StoredPixels,
} from '../ct';
import { decodeFrame, type DecodedFrame } from './decode';
import { derivedAttributes, type DerivedUids, type SourceReference } from './derived-attributes';
import { asciiOf, type RawDataset } from './elements';
import { unreadable } from './errors';
import { lossyHistory } from './lossy';
import { naturalize, rawFromNaturalized } from './naturalized';
import type { PrivateAllowList } from './private-tags';
import { settingsKey, type Provenance } from './provenance';
import { parsePart10, type ParsedInstance } from './reader';
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
  /** When the derived series was made; one moment for all slices of a series. */
  readonly createdAt: Date;
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
 * One derived CT Image Storage instance (docs/dicom-conformance.md). Pixels are `hu` in the source's own pixel format: rounded once, clamped to
 * Bits Stored, padding restored exactly.
 * @throws DenoiseError: `unreadable-dicom`, `undecodable`, or the refusals of `modalityOf`; RangeError when `hu` has another size than the source.
 */
export async function deriveInstance(input: DeriveInput): Promise<DerivedInstance> {
  const source = await readSource(input.source);
  const { stored, instance } = source;
  if (input.hu.length !== stored.length) {
    throw new RangeError(`${input.hu.length} HU for ${stored.length} pixels of the source`);
  }
  const slice = sliceFromStored(stored, instance);
  const hu = input.hu instanceof Float32Array ? input.hu : Float32Array.from(input.hu);
  const pixels = sliceToStored(hu, modalityOf(instance), slice.padding, stored);
  const uids = await derivedUids(source, input.provenance);
  const dataset = derivedAttributes(source.dataset, pixels, uids, input);
  return { ...uids, part10: writePart10(dataset) };
}

/** Derives slice after slice; holds one at a time. Input is pulled only when the last slice was taken. */
export async function* deriveSeries(
  inputs: Iterable<DeriveInput> | AsyncIterable<DeriveInput>,
): AsyncGenerator<DerivedInstance> {
  for await (const input of inputs) yield await deriveInstance(input);
}

/** What `deriveInstance` will call the series; known before a slice is computed, so that a resumed run finds what it has stored. */
export function derivedSeriesInstanceUid(sourceSeriesInstanceUid: string, provenance: Provenance): string {
  return deterministicUid(['series', sourceSeriesInstanceUid, ...settingsKey(provenance)]);
}

/** The UIDs `deriveInstance` gives for this source, without any HU, so that a resumed run finds what it has made. */
export async function derivedUidsOf(source: DeriveSource, provenance: Provenance): Promise<DerivedUids> {
  return derivedUids(await readSource(source), provenance);
}

interface Source {
  readonly dataset: RawDataset;
  readonly instance: NaturalizedInstance;
  readonly stored: StoredPixels;
}

async function readSource(source: DeriveSource): Promise<Source> {
  if ('stored' in source) {
    return { dataset: rawFromNaturalized(source.instance), instance: source.instance, stored: source.stored };
  }
  const parsed = source instanceof Uint8Array ? parsePart10(source) : source.parsed;
  const frame = 'frame' in source && source.frame ? source.frame : await decodeFrame(parsed);
  const dataset: RawDataset = new Map(parsed.dataset);
  for (const [tag, element] of lossyHistory(parsed, frame)) dataset.set(tag, element);
  return { dataset, instance: naturalize(parsed), stored: frame.stored };
}

async function derivedUids({ dataset, stored }: Source, provenance: Provenance): Promise<DerivedUids> {
  const [study, series, instance] = [TAG.StudyInstanceUID, TAG.SeriesInstanceUID, TAG.SOPInstanceUID].map(
    tag => {
      const uid = asciiOf(dataset, tag);
      // Copied or referred to as it is, even when its characters are not those of a UID: the archive knows its study under no other name.
    if (!/^[\x21-\x5b\x5d-\x7e]{1,64}$/.test(uid)) throw unreadable(`a UID is missing or malformed: "${uid}"`);
      return uid;
    },
  ) as [string, string, string];
  const pixelHash = await sha256Hex(littleEndian16(stored));
  return {
    studyInstanceUid: study,
    seriesInstanceUid: derivedSeriesInstanceUid(series, provenance),
    sopInstanceUid: deterministicUid(['instance', instance, pixelHash, ...settingsKey(provenance)]),
  };
}

/** Words as 16-bit little endian, so that the array type a decoder chose makes no difference. */
function littleEndian16(stored: StoredPixels): Uint8Array {
  const words = stored.BYTES_PER_ELEMENT === 2 ? stored : Int16Array.from(stored);
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
