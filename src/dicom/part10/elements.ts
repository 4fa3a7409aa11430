import { unreadable } from './errors';
import { tagText } from './dictionary';

/** A value as the bytes of Explicit VR Little Endian, padding included. */
export interface ValueElement {
  readonly vr: string;
  readonly value: Uint8Array;
}

/** A sequence of items. */
export interface SequenceElement {
  readonly vr: 'SQ';
  readonly items: readonly RawDataset[];
}

/** Encapsulated Pixel Data: the Basic Offset Table and the fragments (PS3.5 A.4). */
export interface EncapsulatedElement {
  readonly vr: 'OB';
  readonly offsetTable: Uint8Array;
  readonly fragments: readonly Uint8Array[];
}

export type RawElement = ValueElement | SequenceElement | EncapsulatedElement;

/** Elements by tag. Text stays in the bytes of its own character set: what is not changed is copied exactly. */
export type RawDataset = Map<number, RawElement>;

export const isSequence = (element: RawElement): element is SequenceElement => 'items' in element;
export const isEncapsulated = (element: RawElement): element is EncapsulatedElement => 'fragments' in element;

/** VRs whose explicit form has a 32-bit length (PS3.5 7.1.2). */
const LONG_LENGTH = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const SHORT_LENGTH = new Set([
  ...[
    'AE',
    'AS',
    'AT',
    'CS',
    'DA',
    'DS',
    'DT',
    'FD',
    'FL',
    'IS',
    'LO',
    'LT',
    'PN',
    'SH',
    'SL',
    'SS',
    'ST',
    'TM',
    'UI',
    'UL',
    'US',
  ],
]);
export const hasLongLength = (vr: string): boolean => LONG_LENGTH.has(vr);
export const isKnownVr = (vr: string): boolean => LONG_LENGTH.has(vr) || SHORT_LENGTH.has(vr);

const WORD_BYTES: Readonly<Record<string, number>> = {
  ...{ AT: 2, US: 2, SS: 2, OW: 2 },
  ...{ UL: 4, SL: 4, FL: 4, OF: 4, OL: 4 },
  ...{ FD: 8, OD: 8, OV: 8, SV: 8, UV: 8 },
};
/** Bytes of one binary word of a VR; 1 for text and byte strings. */
export const wordBytes = (vr: string): number => WORD_BYTES[vr] ?? 1;

const latin1 = new TextDecoder('latin1');

/** The bytes of a value, or undefined when absent, empty, or no plain value. */
export function valueOf(dataset: RawDataset, tag: number): Uint8Array | undefined {
  const element = dataset.get(tag);
  return element && 'value' in element && element.value.length > 0 ? element.value : undefined;
}

/** A value whose VR is limited to ASCII (CS, UI, DA, TM, DS, IS, ...), padding trimmed; '' when absent. */
export function asciiOf(dataset: RawDataset, tag: number): string {
  const value = valueOf(dataset, tag);
  return value ? latin1.decode(value).replaceAll('\0', '').trim() : '';
}

/** First US or SS value; undefined when absent. */
export function wordOf(dataset: RawDataset, tag: number): number | undefined {
  const element = dataset.get(tag);
  const value = valueOf(dataset, tag);
  if (!element || !value) return undefined;
  if (value.length < 2) throw unreadable(`${tagText(tag)} holds ${value.length} byte`);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return element.vr === 'SS' ? view.getInt16(0, true) : view.getUint16(0, true);
}

/** Items of a sequence; [] when absent. */
export function itemsOf(dataset: RawDataset, tag: number): readonly RawDataset[] {
  const element = dataset.get(tag);
  return element && isSequence(element) ? element.items : [];
}

const encoder = new TextEncoder();

/** An ASCII value, padded to even length. RangeError for other characters: their bytes would depend on Specific Character Set. */
export function ascii(vr: string, text: string): ValueElement {
  if (!/^[\x20-\x7e\r\n\t]*$/.test(text)) throw new RangeError(`not ASCII: ${text}`);
  return { vr, value: padded(vr, encoder.encode(text)) };
}

/** Even length, with the padding character of the VR (PS3.5 6.2). */
export function padded(vr: string, bytes: Uint8Array): Uint8Array {
  if (bytes.length % 2 === 0) return bytes;
  const even = new Uint8Array(bytes.length + 1);
  even.set(bytes);
  even[bytes.length] = vr === 'UI' || vr.startsWith('O') || vr === 'UN' ? 0 : 0x20;
  return even;
}

/** 16-bit values, signed or not. */
export function words(vr: 'US' | 'SS', values: readonly number[]): ValueElement {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  values.forEach((value, i) => view.setInt16(i * 2, value, true));
  return { vr, value: new Uint8Array(view.buffer) };
}

export const sequence = (...items: RawDataset[]): SequenceElement => ({ vr: 'SQ', items });
