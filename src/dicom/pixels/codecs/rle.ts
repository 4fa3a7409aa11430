import type { Decode } from './types';

/** RLE Lossless (PS3.5 annex G): a header of 16 words, then one PackBits segment for each byte of the pixel words, high byte first. */
export const decodeRle: Decode = (encoded, { rows, columns, bitsAllocated }) => {
  const bytes = bitsAllocated / 8;
  const header = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  const segments = header.getUint32(0, true);
  if (segments !== bytes) throw new RangeError(`${segments} RLE segments for ${bytes} bytes a pixel`);
  const planes = Array.from({ length: segments }, (_, i) => {
    const start = header.getUint32(4 + 4 * i, true);
    const end = i + 1 < segments ? header.getUint32(8 + 4 * i, true) : encoded.length;
    if (start < 64 || end < start || end > encoded.length)
      throw new RangeError('RLE segment outside the frame');
    return unpack(encoded.subarray(start, end), rows * columns);
  });
  const [high, low] = planes;
  if (!low) return { rows, columns, bits: 8, words: high! };
  const words = new Uint16Array(rows * columns);
  for (let i = 0; i < words.length; i++) words[i] = (high![i]! << 8) | low[i]!;
  return { rows, columns, bits: 16, words };
};

function unpack(segment: Uint8Array, length: number): Uint8Array {
  const plane = new Uint8Array(length);
  let at = 0;
  let from = 0;
  while (at < length) {
    if (from >= segment.length) throw new RangeError('RLE segment is too short');
    const control = segment[from++]!;
    if (control === 128) continue;
    const run = control < 128 ? control + 1 : 257 - control;
    const count = Math.min(run, length - at);
    if (control < 128) {
      if (from + count > segment.length) throw new RangeError('RLE segment is too short');
      plane.set(segment.subarray(from, from + count), at);
      from += run;
    } else {
      if (from >= segment.length) throw new RangeError('RLE segment is too short');
      plane.fill(segment[from++]!, at, at + count);
    }
    at += count;
  }
  return plane;
}
