import type { Decode } from './types';

/**
 * Sequential DCT JPEG with Huffman coding and one component (ISO 10918-1, process 4), which is what 12-bit CT in 1.2.840.10008.1.2.4.51 is.
 * No maintained package decodes 12 bits in Node; docs/decisions.md. The inverse DCT is computed in floating point and rounded once, so it differs
 * from the integer ones of libjpeg by at most one grey value.
 */
export const decodeJpeg12: Decode = encoded => {
  const state: State = { quantization: [], dc: [], ac: [], restartInterval: 0, frame: null };
  if (encoded[0] !== 0xff || encoded[1] !== 0xd8) throw new RangeError('no start of image');
  for (let at = 2; at + 4 <= encoded.length;) {
    if (encoded[at] !== 0xff) throw new RangeError('no marker where one belongs');
    const marker = encoded[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + ((encoded[at + 2]! << 8) | encoded[at + 3]!);
    if (end > encoded.length) throw new RangeError('marker segment is cut off');
    const segment = encoded.subarray(at + 4, end);
    if (marker === 0xda) return decodeScan(state, segment, encoded.subarray(end));
    readSegment(state, marker, segment);
    at = end;
  }
  throw new RangeError('no scan');
};

interface Frame {
  readonly bits: number;
  readonly rows: number;
  readonly columns: number;
  readonly quantization: number;
}

interface State {
  readonly quantization: Float64Array[];
  readonly dc: HuffmanTable[];
  readonly ac: HuffmanTable[];
  restartInterval: number;
  frame: Frame | null;
}

function readSegment(state: State, marker: number, segment: Uint8Array): void {
  if (marker === 0xdb) readQuantization(state, segment);
  else if (marker === 0xc4) readHuffman(state, segment);
  else if (marker === 0xdd) state.restartInterval = (segment[0]! << 8) | segment[1]!;
  else if (marker === 0xc0 || marker === 0xc1) {
    const [bits = 0, y1 = 0, y0 = 0, x1 = 0, x0 = 0, components, , , quantization = 0] = segment;
    if (components !== 1) throw new RangeError(`${components} components`);
    if (bits < 8 || bits > 12) throw new RangeError(`${bits} bits`);
    state.frame = { bits, rows: (y1 << 8) | y0, columns: (x1 << 8) | x0, quantization };
  } else if (marker > 0xc1 && marker < 0xd0 && marker !== 0xc8 && marker !== 0xcc) {
    throw new RangeError('not a sequential Huffman code stream');
  }
}

function readQuantization(state: State, segment: Uint8Array): void {
  for (let at = 0; at < segment.length;) {
    const [precision, id] = [segment[at]! >> 4, segment[at]! & 15];
    const size = precision === 0 ? 1 : 2;
    if (at + 1 + 64 * size > segment.length) throw new RangeError('quantization table is cut off');
    const table = new Float64Array(64);
    for (let k = 0; k < 64; k++) {
      const from = at + 1 + k * size;
      table[k] = size === 1 ? segment[from]! : (segment[from]! << 8) | segment[from + 1]!;
    }
    state.quantization[id] = table;
    at += 1 + 64 * size;
  }
}

function readHuffman(state: State, segment: Uint8Array): void {
  for (let at = 0; at < segment.length;) {
    const [kind, id] = [segment[at]! >> 4, segment[at]! & 15];
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (at + 17 + total > segment.length) throw new RangeError('Huffman table is cut off');
    (kind === 0 ? state.dc : state.ac)[id] = new HuffmanTable(
      counts,
      segment.subarray(at + 17, at + 17 + total),
    );
    at += 17 + total;
  }
}

/** Canonical codes by length (annex F.2.2.3): the codes of one length are consecutive. */
class HuffmanTable {
  private readonly first: number[] = [];
  private readonly offset: number[] = [];
  constructor(
    private readonly counts: Uint8Array,
    private readonly values: Uint8Array,
  ) {
    for (let length = 0, code = 0, offset = 0; length < 16; length++) {
      this.first.push(code);
      this.offset.push(offset);
      code = (code + counts[length]!) << 1;
      offset += counts[length]!;
    }
  }
  next(bits: BitReader): number {
    for (let length = 0, code = 0; length < 16; length++) {
      code = (code << 1) | bits.bit();
      const index = code - this.first[length]!;
      if (index < this.counts[length]!) return this.values[this.offset[length]! + index]!;
    }
    throw new RangeError('no such Huffman code');
  }
}

/** Entropy-coded bits; FF00 is a stuffed FF, any other marker ends the segment. */
class BitReader {
  private at = 0;
  private byte = 0;
  private left = 0;
  constructor(private readonly data: Uint8Array) {}
  bit(): number {
    if (this.left === 0) {
      if (this.at >= this.data.length) throw new RangeError('the scan is cut off');
      this.byte = this.data[this.at++]!;
      if (this.byte === 0xff && this.data[this.at++] !== 0) throw new RangeError('a marker inside the scan');
      this.left = 8;
    }
    return (this.byte >> --this.left) & 1;
  }
  /** A value of this many bits, negative when it begins with 0 (annex F.2.2.1). */
  extended(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = (value << 1) | this.bit();
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }
  restart(): void {
    this.left = 0;
    if (this.data[this.at] !== 0xff || (this.data[this.at + 1]! & 0xf8) !== 0xd0)
      throw new RangeError('no restart marker');
    this.at += 2;
  }
}

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

function decodeScan(
  { frame, quantization, dc, ac, restartInterval }: State,
  header: Uint8Array,
  data: Uint8Array,
) {
  const dcTable = dc[header[2]! >> 4];
  const acTable = ac[header[2]! & 15];
  const table = frame && quantization[frame.quantization];
  if (!frame || !dcTable || !acTable || !table || header[0] !== 1)
    throw new RangeError('the scan misses its tables');
  const { bits, rows, columns } = frame;
  if (rows === 0 || columns === 0) throw new RangeError('empty frame');
  const words = new Uint16Array(rows * columns);
  const reader = new BitReader(data);
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
    predicted += reader.extended(dcTable.next(reader) & 15);
    coefficients[0] = predicted * table[0]!;
    for (let k = 1; k < 64; k++) {
      const symbol = acTable.next(reader);
      const size = symbol & 15;
      if (size === 0 && symbol !== 0xf0) break;
      k += symbol >> 4;
      if (k > 63) throw new RangeError('too many coefficients');
      if (size > 0) coefficients[ZIGZAG[k]!] = reader.extended(size) * table[k]!;
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
  return { rows, columns, bits, words };
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
