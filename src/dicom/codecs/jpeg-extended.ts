import type { Decode } from './types';
import { decodeJpeg12 } from './jpeg-12bit';
import { jpegBaseline } from './wasm';

/** JPEG Extended, processes 2 and 4 (ISO 10918-1): 8 or 12 bits, by the code stream's own frame header. */
export async function jpegExtended(): Promise<Decode> {
  const decode8 = await jpegBaseline();
  return (encoded, expected) => (precisionOf(encoded) > 8 ? decodeJpeg12 : decode8)(encoded, expected);
}

/** Sample precision of the first start of frame (SOF0 to SOF2). */
function precisionOf(encoded: Uint8Array): number {
  for (let at = 2; at + 5 <= encoded.length && encoded[at] === 0xff;) {
    const marker = encoded[at + 1]!;
    if (marker >= 0xc0 && marker <= 0xc2) return encoded[at + 4]!;
    at += 2 + ((encoded[at + 2]! << 8) | encoded[at + 3]!);
  }
  throw new RangeError('no frame header');
}
