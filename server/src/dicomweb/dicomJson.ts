import * as characterSets from 'dicom-character-set';
import dicomParser, { type DataSet, type Element } from 'dicom-parser';
import { decimalString, integerString } from '../../../src/decimal';
import { vrOf } from './dictionary';
import { PIXEL_DATA } from './header';

// A bundle that Node's ES modules see as one default export, and CommonJS as named ones.
const { convertBytes } = 'default' in characterSets ? characterSets.default : characterSets;

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
const NUMBERS: Record<
  string,
  {
    bytes: number;
    read: 'readUint16' | 'readInt16' | 'readUint32' | 'readInt32' | 'readFloat' | 'readDouble';
  }
> = {
  US: { bytes: 2, read: 'readUint16' },
  SS: { bytes: 2, read: 'readInt16' },
  UL: { bytes: 4, read: 'readUint32' },
  SL: { bytes: 4, read: 'readInt32' },
  FL: { bytes: 4, read: 'readFloat' },
  FD: { bytes: 8, read: 'readDouble' },
};

/** A header as DICOM JSON, group 0002 left out. Text is decoded by Specific Character Set into UTF-8. */
export function toDicomJson(dataSet: DataSet, context: Context): JsonDataset {
  const signed = dataSet.uint16('x00280103') === 1;
  return convert(dataSet, { ...context, signed }, undefined, '');
}

/** A few attributes of a header; absent ones are left out. */
export function pick(dataSet: DataSet, tags: readonly string[]): JsonDataset {
  const charset = dataSet.string('x00080005');
  const picked: JsonDataset = {};
  for (const tag of tags) {
    const element = dataSet.elements[`x${tag.toLowerCase()}`];
    if (!element) continue;
    picked[tag] = attribute(
      dataSet,
      element,
      tag,
      { inlineLimit: 0, bulkDataUri: () => '', signed: false },
      charset,
      tag,
    );
  }
  return picked;
}

type Inner = Context & { signed: boolean };

function convert(
  dataSet: DataSet,
  context: Inner,
  inherited: string | undefined,
  prefix: string,
): JsonDataset {
  const charset = dataSet.string('x00080005') ?? inherited;
  const json: JsonDataset = {};
  for (const key of Object.keys(dataSet.elements).sort()) {
    const element = dataSet.elements[key];
    const tag = key.slice(1).toUpperCase();
    // File meta, group lengths and delimiters are not part of the data set (PS3.18, F.2.2).
    if (!element || tag.startsWith('0002') || tag.startsWith('FFFE') || tag.endsWith('0000')) continue;
    json[tag] = attribute(dataSet, element, tag, context, charset, prefix + tag);
  }
  // Text is handed out as UTF-8, and so labelled.
  if (json['00080005']) json['00080005'] = { vr: 'CS', Value: ['ISO_IR 192'] };
  return json;
}

function attribute(
  dataSet: DataSet,
  element: Element,
  tag: string,
  context: Inner,
  charset: string | undefined,
  path: string,
): JsonAttribute {
  const vr =
    element.vr === undefined || element.vr === 'UN'
      ? element.items
        ? 'SQ'
        : vrOf(tag, context.signed)
      : element.vr;
  if (element.tag === PIXEL_DATA)
    return { vr: vr === 'UN' ? 'OW' : vr, BulkDataURI: context.bulkDataUri(path) };
  if (vr === 'SQ') return sequence(dataSet, element, context, charset, path);
  if (!element.length) return { vr };
  if (BINARY.has(vr)) {
    if (element.length > context.inlineLimit) return { vr, BulkDataURI: context.bulkDataUri(path) };
    return { vr, InlineBinary: Buffer.from(bytesOf(dataSet, element)).toString('base64') };
  }
  const Value = values(dataSet, element, vr, charset);
  return Value.some(value => value !== null) ? { vr, Value } : { vr };
}

function sequence(
  dataSet: DataSet,
  element: Element,
  context: Inner,
  charset: string | undefined,
  path: string,
): JsonAttribute {
  if (!element.items && element.length) {
    // A public sequence written as UN of known length: always Implicit VR Little Endian (PS3.5, 6.2.2).
    const stream = new dicomParser.ByteStream(
      dicomParser.littleEndianByteArrayParser,
      dataSet.byteArray,
      element.dataOffset,
    );
    dicomParser.readSequenceItemsImplicit(stream, element);
  }
  const items = (element.items ?? []).map((item, index) =>
    item.dataSet ? convert(item.dataSet, context, charset, `${path}/${index}/`) : {},
  );
  return items.length ? { vr: 'SQ', Value: items } : { vr: 'SQ' };
}

export function bytesOf(dataSet: DataSet, element: Element): Uint8Array {
  return dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
}

function values(dataSet: DataSet, element: Element, vr: string, charset: string | undefined): unknown[] {
  const number = NUMBERS[vr];
  if (number) {
    const parser = element.parser ?? dataSet.byteArrayParser;
    const count = Math.floor(element.length / number.bytes);
    return Array.from({ length: count }, (_, i) =>
      finite(parser[number.read](dataSet.byteArray, element.dataOffset + i * number.bytes)),
    );
  }
  if (vr === 'SV' || vr === 'UV') {
    const bytes = Buffer.from(bytesOf(dataSet, element));
    return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => {
      const word = vr === 'SV' ? bytes.readBigInt64LE(8 * i) : bytes.readBigUInt64LE(8 * i);
      // A string where a number would lose digits (PS3.18, F.2.3).
      return Number.isSafeInteger(Number(word)) ? Number(word) : String(word);
    });
  }
  if (vr === 'AT') {
    return Array.from({ length: Math.floor(element.length / 4) }, (_, i) => {
      const at = element.dataOffset + 4 * i;
      const half = (offset: number) =>
        dataSet.byteArrayParser.readUint16(dataSet.byteArray, offset).toString(16).padStart(4, '0');
      return `${half(at)}${half(at + 2)}`.toUpperCase();
    });
  }
  if (vr === 'DS' || vr === 'IS') {
    const read = vr === 'DS' ? decimalString : integerString;
    const bytes = bytesOf(dataSet, element);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    // What is no number is left out: clients make one of it, and not the same.
    return text.split('\\').map(part => finite(read(part) ?? Number.NaN));
  }
  const text = decode(bytesOf(dataSet, element), vr, charset);
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

function decode(bytes: Uint8Array, vr: string, charset: string | undefined): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/\0+$/, '');
  // Seven-bit text without escape sequences reads the same in every character set of the standard.
  if (!TEXT.has(vr) || /^[\x20-\x7e\r\n\t\f]*$/.test(latin1)) return latin1;
  try {
    return convertBytes(charset, new Uint8Array(bytes), { vr }).replace(/\0+$/, '');
  } catch {
    // An unknown character set must not hide the image; the raw bytes are shown instead.
    return latin1;
  }
}

function personName(value: string): Record<string, string> {
  const [alphabetic, ideographic, phonetic] = value.split('=');
  return {
    ...(alphabetic && { Alphabetic: alphabetic }),
    ...(ideographic && { Ideographic: ideographic }),
    ...(phonetic && { Phonetic: phonetic }),
  };
}
