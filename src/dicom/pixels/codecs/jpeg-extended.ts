import { decodeJpeg12 } from './jpeg-12bit';
import { readScan } from './jpeg-stream';
import type { Decode } from './types';
import { jpegBaseline } from './wasm';

/** JPEG Extended, processes 2 and 4: 8 or 12 bits, by the code stream's own frame header. */
export async function jpegExtended(): Promise<Decode> {
  const decode8 = await jpegBaseline();
  return (encoded, expected) =>
    (readScan(encoded).frame.bits > 8 ? decodeJpeg12 : decode8)(encoded, expected);
}
