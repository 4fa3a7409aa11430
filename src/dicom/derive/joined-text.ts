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
  const encoder = new TextEncoder();
  const own = encoder.encode(ours.slice(0, limit).trimEnd());
  const room = Math.max(0, limit - own.length - separator.length);
  const kept = before ? cut(trimmed(before), vr, room, specificCharacterSet) : new Uint8Array(0);
  if (kept.length === 0) return padded(vr, own);
  const separating = encoder.encode(separator);
  const value = new Uint8Array(kept.length + separating.length + own.length);
  value.set(kept);
  value.set(separating, kept.length);
  value.set(own, kept.length + separating.length);
  return padded(vr, value);
}

function cut(text: Uint8Array, vr: string, limit: number, characterSet: string): Uint8Array {
  const latin1 = Array.from(text, byte => String.fromCharCode(byte)).join('');
  const last = latin1.match(INTO_G0)?.at(-1);
  // ISO 646 and its Japanese form, which has ASCII's letters.
  if (last !== undefined && last !== '\x1b(B' && last !== '\x1b(J') return new Uint8Array(0);
  if ([...decodedText(text, vr, characterSet)].length <= limit) return text;
  if (SINGLE_BYTE.test(characterSet) || /^[\x20-\x7e]*$/.test(latin1))
    return trimmed(text.subarray(0, limit));
  if (characterSet !== UTF8) return new Uint8Array(0);
  let characters = 0;
  const end = text.findIndex(byte => (byte & 0xc0) !== 0x80 && ++characters > limit);
  return trimmed(text.subarray(0, end));
}

function trimmed(text: Uint8Array): Uint8Array {
  let end = text.length;
  while (end > 0 && (text[end - 1] === 0x20 || text[end - 1] === 0)) end--;
  return text.subarray(0, end);
}
