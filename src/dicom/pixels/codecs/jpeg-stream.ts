/**
 * Marker segments and entropy coding that the Huffman-coded kinds of JPEG share (ISO 10918-1 annexes B, C and F), for images of one component.
 */
export interface JpegFrame {
  /** 0xc0 to 0xcf: which process. */
  readonly marker: number;
  readonly bits: number;
  readonly rows: number;
  readonly columns: number;
  readonly quantization: number;
}

export interface JpegScan {
  readonly frame: JpegFrame;
  /** By destination, in zigzag order. */
  readonly quantization: readonly Float64Array[];
  readonly dc: HuffmanTable;
  /** Undefined in lossless code streams. */
  readonly ac: HuffmanTable | undefined;
  /** Ss and Al of the scan header: predictor and point transform in lossless code streams. */
  readonly start: number;
  readonly shift: number;
  /** In MCUs; 0 for none. */
  readonly restartInterval: number;
  readonly bits: BitReader;
}

/**
 * Reads up to the entropy-coded data of the first scan.
 * @throws RangeError when the code stream is cut off, has several components or another coding
 */
export function readScan(encoded: Uint8Array): JpegScan {
  if (encoded[0] !== 0xff || encoded[1] !== 0xd8) throw new RangeError('no start of image');
  const quantization: Float64Array[] = [];
  const dc: HuffmanTable[] = [];
  const ac: HuffmanTable[] = [];
  let frame: JpegFrame | null = null;
  let restartInterval = 0;
  for (let at = 2; at + 4 <= encoded.length;) {
    if (encoded[at] !== 0xff) throw new RangeError('no marker where one belongs');
    const marker = encoded[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const end = at + 2 + ((encoded[at + 2]! << 8) | encoded[at + 3]!);
    if (end > encoded.length) throw new RangeError('a marker segment is cut off');
    const segment = encoded.subarray(at + 4, end);
    at = end;
    if (marker === 0xda) {
      const [components, , tables = 0, start = 0, , approximation = 0] = segment;
      const dcTable = dc[tables >> 4];
      if (!frame || !dcTable || components !== 1) throw new RangeError('the scan misses its frame or tables');
      const bits = new BitReader(encoded.subarray(end));
      const shift = approximation & 15;
      return { frame, quantization, dc: dcTable, ac: ac[tables & 15], start, shift, restartInterval, bits };
    }
    if (marker === 0xdb) readQuantization(quantization, segment);
    else if (marker === 0xc4) readHuffman(dc, ac, segment);
    else if (marker === 0xdd) restartInterval = (segment[0]! << 8) | segment[1]!;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc)
      frame = readFrame(marker, segment);
  }
  throw new RangeError('no scan');
}

function readFrame(marker: number, segment: Uint8Array): JpegFrame {
  const [bits = 0, y1 = 0, y0 = 0, x1 = 0, x0 = 0, components, , , quantization = 0] = segment;
  if (components !== 1) throw new RangeError(`${components} components`);
  const [rows, columns] = [(y1 << 8) | y0, (x1 << 8) | x0];
  if (rows === 0 || columns === 0 || bits < 2 || bits > 16)
    throw new RangeError(`${columns} x ${rows}, ${bits} bits`);
  return { marker, bits, rows, columns, quantization };
}

function readQuantization(tables: Float64Array[], segment: Uint8Array): void {
  for (let at = 0; at < segment.length;) {
    const [precision, id] = [segment[at]! >> 4, segment[at]! & 15];
    const size = precision === 0 ? 1 : 2;
    if (at + 1 + 64 * size > segment.length) throw new RangeError('a quantization table is cut off');
    tables[id] = Float64Array.from({ length: 64 }, (_, k) => {
      const from = at + 1 + k * size;
      return size === 1 ? segment[from]! : (segment[from]! << 8) | segment[from + 1]!;
    });
    at += 1 + 64 * size;
  }
}

function readHuffman(dc: HuffmanTable[], ac: HuffmanTable[], segment: Uint8Array): void {
  for (let at = 0; at < segment.length;) {
    const [kind, id] = [segment[at]! >> 4, segment[at]! & 15];
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (at + 17 + total > segment.length) throw new RangeError('a Huffman table is cut off');
    (kind === 0 ? dc : ac)[id] = new HuffmanTable(counts, segment.subarray(at + 17, at + 17 + total));
    at += 17 + total;
  }
}

/** Canonical codes (annex F.2.2.3): the codes of one length are consecutive. Short codes are looked up by the next eight bits. */
export class HuffmanTable {
  private readonly first: number[] = [];
  private readonly offset: number[] = [];
  /** length << 8 | value for each byte that begins with a code; 0 where the code is longer. */
  private readonly lookup = new Uint16Array(256);

  constructor(
    private readonly counts: Uint8Array,
    private readonly values: Uint8Array,
  ) {
    for (let length = 1, code = 0, offset = 0; length <= 16; length++) {
      this.first.push(code);
      this.offset.push(offset);
      const count = counts[length - 1]!;
      if (code + count > 1 << length) throw new RangeError('a Huffman table has too many codes');
      for (let i = 0; i < count && length <= 8; i++) {
        const from = (code + i) << (8 - length);
        this.lookup.fill((length << 8) | values[offset + i]!, from, from + (1 << (8 - length)));
      }
      code = (code + count) << 1;
      offset += count;
    }
  }

  next(bits: BitReader): number {
    const found = this.lookup[bits.peek8()]!;
    if (found !== 0) {
      bits.take(found >> 8);
      return found & 0xff;
    }
    for (let length = 1, code = 0; length <= 16; length++) {
      code = (code << 1) | bits.take(1);
      const index = code - this.first[length - 1]!;
      if (index < this.counts[length - 1]!) return this.values[this.offset[length - 1]! + index]!;
    }
    throw new RangeError('no such Huffman code');
  }
}

/** Entropy-coded bits; FF00 is a stuffed FF, any other marker ends them. */
export class BitReader {
  private at = 0;
  private window = 0;
  private left = 0;
  constructor(private readonly data: Uint8Array) {}

  /** The next eight bits, with zeros beyond the end: a code that needs them is refused by `take`. */
  peek8(): number {
    this.fill(8);
    return this.left >= 8 ? (this.window >> (this.left - 8)) & 0xff : (this.window << (8 - this.left)) & 0xff;
  }

  /** @param count 0 to 16 */
  take(count: number): number {
    this.fill(count);
    if (this.left < count) throw new RangeError('the scan is cut off');
    this.left -= count;
    return (this.window >> this.left) & ((1 << count) - 1);
  }

  /** A difference of this category, negative when its first bit is 0 (annex F.2.2.1). */
  difference(size: number): number {
    if (size === 0) return 0;
    const value = this.take(size);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  restart(): void {
    this.left = 0;
    this.window = 0;
    // Fill bytes may stand before any marker (annex B.1.1.2).
    while (this.data[this.at] === 0xff && this.data[this.at + 1] === 0xff) this.at++;
    if (this.data[this.at] !== 0xff || (this.data[this.at + 1]! & 0xf8) !== 0xd0)
      throw new RangeError('no restart marker');
    this.at += 2;
  }

  private fill(count: number): void {
    while (this.left < count) {
      const byte = this.data[this.at];
      if (byte === undefined || (byte === 0xff && this.data[this.at + 1] !== 0)) return;
      this.at += byte === 0xff ? 2 : 1;
      // At most 24 bits are held, so the shift stays within 32.
      this.window = ((this.window << 8) | byte) & 0xffffff;
      this.left += 8;
    }
  }
}
