import { readScan, type JpegScan } from './jpeg-stream';
import type { Decode } from './types';

/**
 * Sequential DCT JPEG of one component with up to 12 bits (ISO 10918-1, process 4), the CT of 1.2.840.10008.1.2.4.51. The inverse DCT is
 * computed in floating point and rounded once; other decoders use integers and differ by a grey value or two.
 */
export const decodeJpeg12: Decode = encoded => {
  const scan = readScan(encoded);
  const { frame } = scan;
  if (frame.marker > 0xc1 || frame.bits > 12) throw new RangeError('not a sequential DCT code stream');
  return { rows: frame.rows, columns: frame.columns, bits: frame.bits, words: decodeBlocks(scan) };
};

// prettier-ignore
const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/** BASIS[x * 8 + u] = C(u) / 2 cos((2x + 1) u pi / 16), annex A.3.3. */
const BASIS = Float64Array.from({ length: 64 }, (_, i) => {
  const [x, u] = [i >> 3, i & 7];
  return ((u === 0 ? Math.SQRT1_2 : 1) / 2) * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

function decodeBlocks({ frame, quantization, dc, ac, restartInterval, bits: reader }: JpegScan): Uint16Array {
  const table = quantization[frame.quantization];
  if (!ac || !table) throw new RangeError('the scan misses its tables');
  const { bits, rows, columns } = frame;
  const words = new Uint16Array(rows * columns);
  const coefficients = new Float64Array(64);
  const block = new Float64Array(64);
  const middle = 1 << (bits - 1);
  const largest = (1 << bits) - 1;
  const across = Math.ceil(columns / 8);
  const blocks = across * Math.ceil(rows / 8);
  let predicted = 0;
  for (let index = 0; index < blocks; index++) {
    if (restartInterval > 0 && index > 0 && index % restartInterval === 0) {
      reader.restart();
      predicted = 0;
    }
    coefficients.fill(0);
    predicted += reader.difference(dc.next(reader) & 15);
    coefficients[0] = predicted * table[0]!;
    for (let k = 1; k < 64; k++) {
      const symbol = ac.next(reader);
      const size = symbol & 15;
      if (size === 0 && symbol !== 0xf0) break;
      k += symbol >> 4;
      if (k > 63) throw new RangeError('too many coefficients');
      if (size > 0) coefficients[ZIGZAG[k]!] = reader.difference(size) * table[k]!;
    }
    inverseDct(coefficients, block);
    const [top, left] = [Math.floor(index / across) * 8, (index % across) * 8];
    const [high, wide] = [Math.min(8, rows - top), Math.min(8, columns - left)];
    for (let y = 0; y < high; y++) {
      for (let x = 0; x < wide; x++) {
        const value = Math.round(block[y * 8 + x]! + middle);
        words[(top + y) * columns + left + x] = Math.min(largest, Math.max(0, value));
      }
    }
  }
  return words;
}

const half = new Float64Array(64);

/** Separable: along rows, then along columns. */
function inverseDct(coefficients: Float64Array, block: Float64Array): void {
  for (let v = 0; v < 8; v++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let u = 0; u < 8; u++) sum += BASIS[x * 8 + u]! * coefficients[v * 8 + u]!;
      half[v * 8 + x] = sum;
    }
  }
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let v = 0; v < 8; v++) sum += BASIS[y * 8 + v]! * half[v * 8 + x]!;
      block[y * 8 + x] = sum;
    }
  }
}
