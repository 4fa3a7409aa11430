import { Decoder } from 'jpeg-lossless-decoder-js';
import type { Decode } from './types';

/** JPEG Lossless, process 14, any predictor (ISO 10918-1 annex H). */
export const decodeJpegLossless: Decode = encoded => {
  const decoder = new Decoder();
  const { buffer, byteOffset, length } = encoded;
  const decoded = decoder.decode(buffer as ArrayBuffer, byteOffset, length);
  const { dimX: columns, dimY: rows, precision: bits, numComp } = decoder.frame;
  if (numComp !== 1) throw new RangeError(`${numComp} components`);
  const words =
    bits <= 8
      ? new Uint8Array(decoded.buffer, decoded.byteOffset, rows * columns)
      : new Uint16Array(decoded.buffer, decoded.byteOffset, rows * columns);
  return { rows, columns, bits, words };
};
