/**
 * Decimal String and Integer String as numbers (PS3.5 6.2), for everything that reads DICOM here. What is no number is never made one: a lenient
 * reader takes "1,000" for 1000 and "0x10" for 16, and an image is then wrong without a word (https://github.com/dcmjs-org/dcmjs/issues/287).
 */

/** Longest value read. The standard ends at 16 bytes; real files write a double's 17 digits, which say what they mean. */
const LONGEST = 64;
const FLOATING = /^[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?$/i;
/** Whole, also when written as a decimal. */
const WHOLE = /^[+-]?\d+(\.0*)?$/;
const DECIMAL_COMMA = /^[+-]?(\d+,\d*|,\d+)(E[+-]?\d+)?$/i;
/** "1,024" may be meant as 1024. */
const THOUSANDS = /^[+-]?[1-9]\d{0,2},\d{3}(E|$)/i;

/**
 * One value of a DS. A decimal comma counts as a point, unless it may be meant to part thousands.
 * @param text with its padding
 * @returns null when empty, NaN when it is no number or has no finite one
 */
export function decimalString(text: string): number | null {
  const trimmed = unpadded(text);
  if (trimmed === '') return null;
  return finite(withPoint(trimmed), FLOATING);
}

/**
 * One value of an IS. "3.0" is 3. The standard ends at 31 bits; real files number instances by the clock.
 * @returns null when empty, NaN when it is no whole number that a double holds exactly
 */
export function integerString(text: string): number | null {
  const trimmed = unpadded(text);
  if (trimmed === '') return null;
  const value = finite(trimmed, WHOLE);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** A DS value with a point where a decimal comma stands; any other text as it is. */
export function withPoint(text: string): string {
  const trimmed = unpadded(text);
  const isComma = trimmed.length <= LONGEST && DECIMAL_COMMA.test(trimmed) && !THOUSANDS.test(trimmed);
  return isComma ? text.replace(',', '.') : text;
}

function finite(text: string, form: RegExp): number {
  const value = text.length <= LONGEST && form.test(text) ? Number(text) : Number.NaN;
  // "-0" is 0.
  return Number.isFinite(value) ? value + 0 : Number.NaN;
}

/** Without spaces around and the NULs that some writers pad with. */
function unpadded(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && text[start] === ' ') start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\0')) end--;
  return text.slice(start, end);
}
