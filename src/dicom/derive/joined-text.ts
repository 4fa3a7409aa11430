import { padded } from '../part10/elements';
import { decodedText } from '../part10/text';

const SINGLE_BYTE = /^(ISO_IR (6|100|101|109|110|144|127|126|138|148|203|13|166))?$/;
const UTF8 = 'ISO_IR 192';
/** What puts a character set into G0, where the bytes of ASCII are read (PS3.5 6.1.2.5, table C.12-3). */
const INTO_G0 = /\x1b(\([\x40-\x7e]|\$\(?[\x40-\x7e])/g;

/**
 * `before`, a separator and `ours`, together at most `limit` characters; `before` gives way. A character set of several bytes a character is cut
 * only where that is simple (UTF-8), else `before` is left out: half a character would spoil the text behind it. So would an escape sequence that is
 * never taken back.
 * @param before text of the source in its own bytes
 * @param ours ASCII
 */
export function joinedText(
  vr: string,
  before: Uint8Array | undefined,
  separator: string,
  ours: string,
  limit: number,
  specificCharacterSet: string,
): Uint8Array {
  const own = ascii(ours.slice(0, limit).trimEnd());
  const room = Math.max(0, limit - own.length - separator.length);
  const kept = before && endsInAscii(before) ? cut(trimmed(before), vr, room, specificCharacterSet) : NOTHING;
  if (kept.length === 0) return padded(vr, own);
  return padded(vr, joined(kept, ascii(separator), own));
}

/** `ours`, a separator and `after`, together at most `limit` characters; `after` gives way, as in `joinedText`. */
export function prefixedText(
  vr: string,
  ours: string,
  separator: string,
  after: Uint8Array | undefined,
  limit: number,
  specificCharacterSet: string,
): Uint8Array {
  const own = ascii(ours.slice(0, limit).trimEnd());
  const room = Math.max(0, limit - own.length - separator.length);
  const kept = after ? cut(trimmed(after), vr, room, specificCharacterSet) : NOTHING;
  if (kept.length === 0) return padded(vr, own);
  return padded(vr, joined(own, ascii(separator), kept));
}

const NOTHING = new Uint8Array(0);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, byte => String.fromCharCode(byte)).join('');

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const value = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    value.set(part, at);
    at += part.length;
  }
  return value;
}

/** ISO 646 and its Japanese form, which has ASCII's letters, are what ASCII can follow. */
function endsInAscii(text: Uint8Array): boolean {
  const last = latin1(text).match(INTO_G0)?.at(-1);
  return last === undefined || last === '\x1b(B' || last === '\x1b(J';
}

function cut(text: Uint8Array, vr: string, limit: number, characterSet: string): Uint8Array {
  if ([...decodedText(text, vr, characterSet)].length <= limit) return text;
  if (SINGLE_BYTE.test(characterSet) || /^[\x20-\x7e]*$/.test(latin1(text)))
    return trimmed(text.subarray(0, limit));
  if (characterSet !== UTF8) return NOTHING;
  let characters = 0;
  const end = text.findIndex(byte => (byte & 0xc0) !== 0x80 && ++characters > limit);
  return trimmed(text.subarray(0, end));
}

function trimmed(text: Uint8Array): Uint8Array {
  let end = text.length;
  while (end > 0 && (text[end - 1] === 0x20 || text[end - 1] === 0)) end--;
  return text.subarray(0, end);
}
