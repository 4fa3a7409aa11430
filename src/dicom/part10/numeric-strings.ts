import { decimalString, integerString, withPoint } from '../../decimal';
import { vrOfTag } from './dictionary';
import { isSequence, valueOf, type RawDataset, type RawElement, type ValueElement } from './elements';

/*
 * DS and IS of a dataset, from their bytes. Nothing is handed on as a number that is none: dcmjs, which OHIF reads with, drops the characters it does
 * not know and makes 1000 of "1,000".
 */

const latin1 = new TextDecoder('latin1');

/** The values of a DS or IS as they stand, padding included; [] when absent. */
function textsOf({ value }: ValueElement): string[] {
  return latin1.decode(value).split('\\');
}

const isNumeric = (element: RawElement): element is ValueElement =>
  (element.vr === 'DS' || element.vr === 'IS') && 'value' in element;

const read = (vr: string) => (vr === 'IS' ? integerString : decimalString);

/** A DS or IS as it stands, padding included; '' when absent. */
export function numericTextOf(dataset: RawDataset, tag: number): string {
  const value = valueOf(dataset, tag);
  return value ? latin1.decode(value) : '';
}

/** First value of a DS or IS; null when absent or empty, NaN when it is no number. */
export function numberOf(dataset: RawDataset, tag: number): number | null {
  return read(vrOfTag(tag) ?? 'DS')(numericTextOf(dataset, tag).split('\\')[0]!);
}

/**
 * A dataset in which every DS and IS, in items too, is a number to every reader: decimal commas are points, and an attribute with a value that is no
 * number is empty. Elements without either are the same objects.
 */
export function withNumbers(dataset: RawDataset): RawDataset {
  return new Map([...dataset].map(([tag, element]) => [tag, numeric(element)]));
}

function numeric(element: RawElement): RawElement {
  if (isSequence(element)) return { vr: 'SQ', items: element.items.map(withNumbers) };
  if (!isNumeric(element)) return element;
  const texts = textsOf(element);
  if (texts.some(text => Number.isNaN(read(element.vr)(text))))
    return { ...element, value: new Uint8Array(0) };
  if (element.vr === 'IS' || !element.value.includes(COMMA)) return element;
  // As many characters as before, all of them ASCII.
  return { ...element, value: new TextEncoder().encode(texts.map(withPoint).join('\\')) };
}

const COMMA = 0x2c;

/**
 * By tag, the values of every DS and IS of the dataset itself that is not empty: numbers, with null for an empty one among them; or the whole text,
 * where one of them is no number.
 */
export function numericValues(dataset: RawDataset): ReadonlyMap<number, readonly (number | null)[] | string> {
  const found = new Map<number, readonly (number | null)[] | string>();
  for (const [tag, element] of dataset) {
    if (!isNumeric(element)) continue;
    const texts = textsOf(element);
    const numbers = texts.map(read(element.vr));
    if (numbers.some(Number.isNaN)) found.set(tag, texts.join('\\'));
    else if (numbers.some(number => number !== null)) found.set(tag, numbers);
  }
  return found;
}
