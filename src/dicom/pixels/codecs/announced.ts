/** What a code stream says of its image before any pixel: a decoder would reserve memory for it. */
export interface Announced {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly components: number;
  /** Parts that are coded by themselves; 1 where the coding has none. */
  readonly tiles: number;
}

/**
 * The frame header of a JPEG or JPEG-LS stream (ISO 10918-1 B.2.2, ISO 14495-1 C.2.2), or the SIZ segment of a JPEG 2000 one, bare or in
 * JP2 boxes (ISO 15444-1 A.5.1 and annex I). Null when there is none: an RLE frame, or a stream that no decoder takes.
 */
export function announcedBy(encoded: Uint8Array): Announced | null {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  try {
    if (view.getUint16(0) === 0xffd8) return frameHeader(view);
    return imageSize(view, view.getUint32(0) === 0xff4fff51 ? 0 : codeStreamInBoxes(view));
  } catch (error) {
    // Ended in the middle of a header.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function frameHeader(view: DataView): Announced | null {
  for (let at = 2; at < view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    // A fill byte before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame || marker === 0xf7) {
      return {
        bits: view.getUint8(at + 4),
        rows: view.getUint16(at + 5),
        columns: view.getUint16(at + 7),
        components: view.getUint8(at + 9),
        tiles: 1,
      };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Where the first contiguous code stream box begins. */
function codeStreamInBoxes(view: DataView): number {
  for (let at = 0; ;) {
    const length = view.getUint32(at);
    const isLong = length === 1;
    if (view.getUint32(at + 4) === 0x6a703263) return at + (isLong ? 16 : 8);
    const size = isLong ? Number(view.getBigUint64(at + 8)) : length;
    if (size < 8) throw new RangeError('a box without an end');
    at += size;
  }
}

function imageSize(view: DataView, start: number): Announced | null {
  if (view.getUint32(start) !== 0xff4fff51) return null;
  const word = (offset: number) => view.getUint32(start + 8 + offset);
  const [right, bottom, left, top] = [word(0), word(4), word(8), word(12)];
  const [tileColumns, tileRows, tileLeft, tileTop] = [word(16), word(20), word(24), word(28)];
  return {
    columns: right - left,
    rows: bottom - top,
    components: view.getUint16(start + 40),
    bits: (view.getUint8(start + 42) & 0x7f) + 1,
    tiles: Math.ceil((right - tileLeft) / tileColumns) * Math.ceil((bottom - tileTop) / tileRows),
  };
}
