import { decimalString, integerString } from '../decimal';
import type { NaturalizedInstance } from './types';

/*
 * Values as they really come: dcmjs gives arrays, OHIF's metadata and some servers give backslash-separated strings, DS and IS are
 * strings in one place and numbers in another, and names of people or empty values are objects or null.
 */

type Attributes = Readonly<Record<string, unknown>>;

function values(instance: Attributes, keyword: string): unknown[] {
  const value = instance[keyword];
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return Array.from(value as unknown as ArrayLike<number>);
  if (typeof value === 'string') return value.split('\\');
  return [value];
}

const plain = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** All values as trimmed text (spaces and NUL are padding in DICOM); empty values are ''. */
export function texts(instance: Attributes, keyword: string): string[] {
  return values(instance, keyword).map(value => plain(value).replaceAll('\0', '').trim());
}

/** The first value as text, '' when there is none. */
export function text(instance: Attributes, keyword: string): string {
  return texts(instance, keyword)[0] ?? '';
}

/** Those of the attributes read here that are IS; the other numbers are DS, or binary. */
const INTEGER_STRINGS = new Set(['InstanceNumber', 'NumberOfFrames']);

/** All values as numbers, NaN where a value is not a number; [] when the attribute is absent or empty. */
export function numbers(instance: Attributes, keyword: string): number[] {
  const read = INTEGER_STRINGS.has(keyword) ? integerString : decimalString;
  const all = values(instance, keyword).map(value =>
    typeof value === 'number' ? value : read(plain(value)),
  );
  return all.length === 1 && all[0] === null ? [] : all.map(value => value ?? Number.NaN);
}

/** The first value as a number; null when absent, NaN when it is not a number. */
export function number(instance: Attributes, keyword: string): number | null {
  return numbers(instance, keyword)[0] ?? null;
}

/** The items of a sequence; dcmjs hides a single item behind an array that also answers to its keywords. */
export function items(instance: Attributes, keyword: string): NaturalizedInstance[] {
  const value = instance[keyword];
  if (value === null || typeof value !== 'object') return [];
  return (Array.isArray(value) ? value : [value]).filter(
    (item): item is NaturalizedInstance => item !== null && typeof item === 'object',
  );
}

/** Acquisition Time (PS3.5 TM, HHMMSS.FFFFFF) in seconds; null when absent or shorter. */
export function secondsOfDay(instance: Attributes): number | null {
  const time = /^(\d{2}):?(\d{2}):?(\d{2}(?:\.\d*)?)$/.exec(text(instance, 'AcquisitionTime'));
  return time ? Number(time[1]) * 3600 + Number(time[2]) * 60 + Number(time[3]) : null;
}
