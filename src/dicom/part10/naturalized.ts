import type { NaturalizedInstance } from '../../ct';
import { DicomMessage, DicomMetaDictionary } from './dcmjs';
import { keywordOfTag, tagOfKeyword, vrOfTag } from './dictionary';
import { asciiOf, hasLongLength, padded, wordBytes, type RawDataset, type RawElement } from './elements';
import { unreadable } from './errors';
import { numericValues, withNumbers } from './numeric-strings';
import type { ParsedInstance } from './reader';
import { TAG } from './tags';
import { inUtf8 } from './text';
import { writePart10 } from './writer';

/**
 * The attributes as OHIF holds them: dcmjs's naturalised dataset, by the same dcmjs call OHIF makes for local files; but numbers are ours. Text is decoded from every
 * DICOM character set (dcmjs knows no combinations). A DS or IS that is no number is its text, so that nothing takes it for one (in items it is
 * empty). Private attributes and pixels are left out; `TransferSyntaxUID` is added from the file meta information.
 * @throws DenoiseError `unreadable-dicom` when dcmjs cannot read a value.
 */
export function naturalize(parsed: ParsedInstance): NaturalizedInstance {
  try {
    const { buffer } = writePart10(withNumbers(inUtf8(parsed.dataset)));
    const dict = DicomMessage.readFile(buffer, {});
    const instance = DicomMetaDictionary.naturalizeDataset(dict.dict) as NaturalizedInstance;
    const numeric: Record<string, unknown> = {};
    for (const [tag, values] of numericValues(parsed.dataset)) {
      const keyword = keywordOfTag(tag);
      if (keyword !== undefined)
        numeric[keyword] = typeof values !== 'string' && values.length === 1 ? values[0] : values;
    }
    return Object.assign(instance, numeric, uidsOf(parsed), { TransferSyntaxUID: parsed.transferSyntaxUid });
  } catch (error) {
    throw unreadable('an attribute has a value that cannot be read', error);
  }
}

const UIDS = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'] as const;

/** As they stand. dcmjs leaves out what no UID may hold, and so gives an image with a wrong UID the UID of another. */
function uidsOf({ dataset }: ParsedInstance): Record<string, string> {
  const present = UIDS.filter(keyword => asciiOf(dataset, TAG[keyword]) !== '');
  return Object.fromEntries(present.map(keyword => [keyword, asciiOf(dataset, TAG[keyword])]));
}

/**
 * A naturalised dataset as elements, for writing: the way back from `naturalize`, and from OHIF's metadata store, whose text has been decoded:
 * text outside ASCII is written as UTF-8 and Specific Character Set says so. What is not DICOM (OHIF's own keys), what is only a reference
 * to bulk data, and group 0002 are left out.
 */
export function rawFromNaturalized(instance: NaturalizedInstance): RawDataset {
  const text = new TextWriter();
  const dataset = datasetOf(instance, text, instance['PixelRepresentation'] === 1);
  if (!text.ascii)
    dataset.set(TAG.SpecificCharacterSet, { vr: 'CS', value: new TextEncoder().encode('ISO_IR 192') });
  return dataset;
}

class TextWriter {
  ascii = true;
  readonly #encoder = new TextEncoder();
  bytes(text: string): Uint8Array {
    const bytes = this.#encoder.encode(text);
    if (bytes.length !== text.length) this.ascii = false;
    return bytes;
  }
}

function datasetOf(
  instance: Readonly<Record<string, unknown>>,
  text: TextWriter,
  signed: boolean,
): RawDataset {
  const dataset: RawDataset = new Map();
  for (const keyword of Object.keys(instance)) {
    const tag = tagOfKeyword(keyword);
    if (tag === undefined || tag === TAG.PixelData || tag >>> 16 <= 0x0002) continue;
    const element = elementOf(tag, instance[keyword], text, signed);
    if (element) dataset.set(tag, element);
  }
  return dataset;
}

/** An item's own character set is that of its archive; its text is ours now, in the character set of the whole. */
function itemOf(item: Readonly<Record<string, unknown>>, text: TextWriter, signed: boolean): RawDataset {
  const dataset = datasetOf(item, text, signed);
  dataset.delete(TAG.SpecificCharacterSet);
  return dataset;
}

function elementOf(tag: number, value: unknown, text: TextWriter, signed: boolean): RawElement | null {
  const vr = plainVr(vrOfTag(tag), signed);
  if (!vr) return null;
  const values = (Array.isArray(value) ? value : [value]).filter(each => each !== undefined);
  if (vr === 'SQ') {
    const items = values.filter(
      (item): item is Record<string, unknown> => item !== null && typeof item === 'object',
    );
    return { vr, items: items.map(item => itemOf(item, text, signed)) };
  }
  const bytes = isBinary(vr)
    ? binary(vr, values)
    : text.bytes(values.map(each => textOf(vr, each)).join('\\'));
  if (!bytes) return null;
  return { vr: !hasLongLength(vr) && bytes.length > 0xfffe ? 'UN' : vr, value: padded(vr, bytes) };
}

function plainVr(vr: string | undefined, signed: boolean): string | undefined {
  if (vr === 'xs') return signed ? 'SS' : 'US';
  if (vr === 'ox' || vr === 'lt') return 'OW';
  return vr === 'up' ? 'UL' : vr === 'na' ? undefined : vr;
}

const isBinary = (vr: string) => wordBytes(vr) > 1 || vr === 'OB' || vr === 'UN';

function textOf(vr: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (vr === 'DS' && typeof value === 'number') return decimalString(value);
  if (vr === 'PN' && typeof value === 'object') {
    const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as Record<string, string | undefined>;
    return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/, '');
  }
  return String(value);
}

/** At most 16 characters, as DS demands, with as many digits as fit. */
function decimalString(value: number): string {
  if (!Number.isFinite(value)) return '';
  let text = String(value);
  for (let digits = 15; text.length > 16 && digits > 0; digits--)
    text = String(Number(value.toPrecision(digits)));
  return text;
}

type Setter = (view: DataView, at: number, value: number) => void;
const SETTERS: Readonly<Record<string, Setter>> = {
  US: (view, at, value) => view.setUint16(at, value, true),
  SS: (view, at, value) => view.setInt16(at, value, true),
  UL: (view, at, value) => view.setUint32(at, value, true),
  SL: (view, at, value) => view.setInt32(at, value, true),
  FL: (view, at, value) => view.setFloat32(at, value, true),
  FD: (view, at, value) => view.setFloat64(at, value, true),
  UV: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  SV: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
};

/** Null when the value is not here (bulk data by reference). */
function binary(vr: string, values: readonly unknown[]): Uint8Array | null {
  const [first] = values;
  if (first === null || first === undefined) return new Uint8Array(0);
  const inline = (first as { readonly InlineBinary?: unknown }).InlineBinary;
  if (typeof inline === 'string') return Uint8Array.from(atob(inline), character => character.charCodeAt(0));
  if (first instanceof ArrayBuffer) return new Uint8Array(first);
  if (ArrayBuffer.isView(first))
    return new Uint8Array(first.buffer, first.byteOffset, first.byteLength).slice();
  const size = vr === 'AT' ? 4 : wordBytes(vr);
  const view = new DataView(new ArrayBuffer(values.length * size));
  if (vr === 'AT') {
    for (const [i, each] of values.entries()) {
      const tag = typeof each === 'number' ? each : Number.parseInt(String(each).replace(/[(),]/g, ''), 16);
      if (!Number.isFinite(tag)) return null;
      view.setUint16(i * 4, tag >>> 16, true);
      view.setUint16(i * 4 + 2, tag & 0xffff, true);
    }
    return new Uint8Array(view.buffer);
  }
  const set = SETTERS[vr];
  const numbers = values.map(Number);
  if (!set || !numbers.every(Number.isFinite)) return null;
  for (const [i, each] of numbers.entries()) set(view, i * size, each);
  return new Uint8Array(view.buffer);
}
