import { readScan } from './jpeg-stream';
import type { Decode } from './types';

/**
 * JPEG Lossless, process 14 with any predictor (ISO 10918-1 annex H), one component of 2 to 16 bits. Ours, because
 * jpeg-lossless-decoder-js 2.1.2 leaves the last pixel 0 when its code ends next to the end-of-image marker, and fills what a cut-off
 * code stream lacks.
 */
export const decodeJpegLossless: Decode = encoded => {
  const { frame, dc, start: predictor, shift, restartInterval, bits: reader } = readScan(encoded);
  if (frame.marker !== 0xc3) throw new RangeError('not a lossless Huffman code stream');
  if (predictor < 1 || predictor > 7) throw new RangeError(`predictor ${predictor}`);
  const { bits, rows, columns } = frame;
  // Restart intervals of a scan without interleaving are whole lines (annex H.1.1).
  if (restartInterval % columns !== 0) throw new RangeError(`restart interval ${restartInterval}`);
  const linesToRestart = restartInterval / columns;
  const words = new Uint16Array(rows * columns);
  for (let y = 0, at = 0; y < rows; y++) {
    const restarted = linesToRestart > 0 && y > 0 && y % linesToRestart === 0;
    if (restarted) reader.restart();
    const isFirstLine = y === 0 || restarted;
    for (let x = 0; x < columns; x++, at++) {
      let prediction: number;
      if (isFirstLine) prediction = x === 0 ? 1 << (bits - shift - 1) : words[at - 1]!;
      else if (x === 0) prediction = words[at - columns]!;
      else prediction = predict(predictor, words[at - 1]!, words[at - columns]!, words[at - columns - 1]!);
      const size = dc.next(reader);
      if (size > 16) throw new RangeError(`difference of ${size} bits`);
      // Category 16 is the one value 32768 and has no further bits; sums are modulo 65536, as the array is (annex H.1.2).
      words[at] = prediction + (size === 16 ? 32768 : reader.difference(size));
    }
  }
  if (shift > 0) for (let i = 0; i < words.length; i++) words[i] = words[i]! << shift;
  return { rows, columns, bits, words };
};

/** Table H.1, from the pixels to the left, above, and above to the left. */
function predict(predictor: number, a: number, b: number, c: number): number {
  switch (predictor) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return c;
    case 4:
      return a + b - c;
    case 5:
      return a + ((b - c) >> 1);
    case 6:
      return b + ((a - c) >> 1);
    default:
      return (a + b) >> 1;
  }
}
