import { decimalString, integerString } from '../../../src/decimal';
import {
  asciiOf,
  decodedText,
  isEncapsulated,
  isSequence,
  TAG,
  type ParsedHeader,
  type RawDataset,
  type RawElement,
} from '../../../src/dicom';
import { hexOf } from './dictionary';

/** The DICOM JSON model, PS3.18 annex F. */
export interface JsonAttribute {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}
export type JsonDataset = Record<string, JsonAttribute>;

interface Context {
  /** Values longer than this many bytes become a BulkDataURI. */
  inlineLimit: number;
  /** `path` is `7FE00010`, or `30060039/0/30060050` for an element inside a sequence item. */
  bulkDataUri: (path: string) => string;
}

const TEXT = new Set(['PN', 'LO', 'SH', 'UC', 'ST', 'LT', 'UT']);
const SINGLE_VALUED = new Set(['ST', 'LT', 'UT', 'UR']);
const BINARY = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
/** Bytes of one value, and how it is read. AT is two words; 64-bit integers may be too large for a number (PS3.18, F.2.3). */
const NUMBERS: Record<string, { bytes: number; read: (view: DataView, at: number) => unknown }> = {
  US: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  SS: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  UL: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  SL: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  FL: { bytes: 4, read: (view, at) => finite(view.getFloat32(at, true)) },
  FD: { bytes: 8, read: (view, at) => finite(view.getFloat64(at, true)) },
  SV: { bytes: 8, read: (view, at) => safe(view.getBigInt64(at, true)) },
  UV: { bytes: 8, read: (view, at) => safe(view.getBigUint64(at, true)) },
  AT: {
    bytes: 4,
    read: (view, at) => hexOf(view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true)),
  },
};

/** A header as DICOM JSON, group 0002 left out. Text is decoded by Specific Character Set into UTF-8. */
export function toDicomJson(
  { dataset, pixelData }: Pick<ParsedHeader, 'dataset'> & Partial<Pick<ParsedHeader, 'pixelData'>>,
  context: Context,
): JsonDataset {
  const json = convert(dataset, context, '', '');
  if (pixelData) json['7FE00010'] = { vr: pixelData.vr, BulkDataURI: context.bulkDataUri('7FE00010') };
  return json;
}

/** A few attributes of a header; absent ones are left out. */
export function pick(dataset: RawDataset, tags: readonly string[]): JsonDataset {
  const charset = asciiOf(dataset, TAG.SpecificCharacterSet);
  const picked: JsonDataset = {};
  for (const tag of tags) {
    const element = dataset.get(parseInt(tag, 16));
    if (element) picked[tag] = attribute(element, { inlineLimit: 0, bulkDataUri: () => '' }, charset, tag);
  }
  return picked;
}

function convert(dataset: RawDataset, context: Context, inherited: string, prefix: string): JsonDataset {
  const charset = dataset.has(TAG.SpecificCharacterSet)
    ? asciiOf(dataset, TAG.SpecificCharacterSet)
    : inherited;
  const json: JsonDataset = {};
  for (const [number, element] of [...dataset].sort(([a], [b]) => a - b)) {
    // Group lengths are not part of the data set (PS3.18, F.2.2).
    if ((number & 0xffff) === 0) continue;
    const tag = hexOf(number);
    json[tag] = attribute(element, context, charset, prefix + tag);
  }
  // Text is handed out as UTF-8, and so labelled.
  if (json['00080005']) json['00080005'] = { vr: 'CS', Value: ['ISO_IR 192'] };
  return json;
}

function attribute(element: RawElement, context: Context, charset: string, path: string): JsonAttribute {
  const { vr } = element;
  if (isEncapsulated(element)) return { vr, BulkDataURI: context.bulkDataUri(path) };
  if (isSequence(element)) {
    const items = element.items.map((item, i) => convert(item, context, charset, `${path}/${i}/`));
    return items.length ? { vr, Value: items } : { vr };
  }
  const { value } = element;
  if (!value.length) return { vr };
  if (BINARY.has(vr)) {
    if (value.length > context.inlineLimit) return { vr, BulkDataURI: context.bulkDataUri(path) };
    return { vr, InlineBinary: bufferOf(value).toString('base64') };
  }
  const Value = values(value, vr, charset);
  return Value.some(one => one !== null) ? { vr, Value } : { vr };
}

export const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function values(value: Uint8Array, vr: string, charset: string): unknown[] {
  const number = NUMBERS[vr];
  if (number) {
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    const count = Math.floor(value.length / number.bytes);
    return Array.from({ length: count }, (_, i) => number.read(view, i * number.bytes));
  }
  if (vr === 'DS' || vr === 'IS') {
    const read = vr === 'DS' ? decimalString : integerString;
    // What is no number is left out: clients make one of it, and not the same.
    return bufferOf(value)
      .toString('latin1')
      .split('\\')
      .map(part => finite(read(part) ?? Number.NaN));
  }
  const text = decode(value, vr, charset);
  const parts = SINGLE_VALUED.has(vr) ? [text.trimEnd()] : text.split('\\').map(part => part.trim());
  return parts.map(part => {
    if (part === '') return null;
    return vr === 'PN' ? personName(part) : part;
  });
}

/** JSON has no NaN and no infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** A string where a number would lose digits. */
const safe = (word: bigint): number | string =>
  Number.isSafeInteger(Number(word)) ? Number(word) : String(word);

function decode(bytes: Uint8Array, vr: string, charset: string): string {
  const latin1 = bufferOf(bytes).toString('latin1').replace(/\0+$/, '');
  // Seven-bit text without escape sequences reads the same in every character set of the standard.
  if (!TEXT.has(vr) || /^[\x20-\x7e\r\n\t\f]*$/.test(latin1)) return latin1;
  return decodedText(bytes, vr, charset).replace(/\0+$/, '');
}

function personName(value: string): Record<string, string> {
  const [alphabetic, ideographic, phonetic] = value.split('=');
  return {
    ...(alphabetic && { Alphabetic: alphabetic }),
    ...(ideographic && { Ideographic: ideographic }),
    ...(phonetic && { Phonetic: phonetic }),
  };
}
