/**
 * What is not a character to be seen: controls (with ESC and the C1 controls, which move a terminal's cursor and write its title), line and paragraph
 * separators, and what turns or hides text (bidirectional controls, zero-width characters, tags, halves of a pair).
 */
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/**
 * A text from elsewhere (an attribute, a file name, an answer of an archive) as one line that a terminal, a log and a page show as it is: what cannot
 * be seen stands as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replace(UNSEEN, character => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** The same for every text in a value that is to become JSON, keys of objects included. */
export function allPrintable<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T;
  if (Array.isArray(value)) return value.map(each => allPrintable<unknown>(each)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [printable(key), allPrintable<unknown>(each)]),
  ) as T;
}
