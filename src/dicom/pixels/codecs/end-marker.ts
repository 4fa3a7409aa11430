const END = 0xd9;
const START_OF_SCAN = 0xda;
const START_OF_TILE_PART = 0x90;

/**
 * A code stream of JPEG, JPEG-LS or JPEG 2000 up to its end marker FFD9, which libjpeg and OpenJPEG do not ask for: they fill what is missing with grey
 * and say nothing. What comes behind it is filler that makes the length even (PS3.5 A.4: zeros in most files, FF in those of NEMA's WG-04) and is left
 * out, whatever it is, as other readers do: in coded data FF is never followed by D9.
 * @throws RangeError when there is none: the stream is cut off
 */
export function wholeStream(padded: Uint8Array): Uint8Array {
  const start = codedData(padded);
  for (let at = padded.length - 2; at >= start; at--) {
    if (padded[at] === 0xff && padded[at + 1] === END) return padded.subarray(0, at + 2);
  }
  throw new RangeError('the code stream is cut off');
}

/** Where the coded data begin, behind the headers: a thumbnail or a comment in these may hold an end marker of its own. */
function codedData(stream: Uint8Array): number {
  // The box form of JPEG 2000 (JP2): the code stream begins with its own start marker somewhere behind.
  let at = stream[0] === 0xff ? 2 : 0;
  while (at + 4 <= stream.length && stream[at] === 0xff) {
    const marker = stream[at + 1]!;
    // Fill bytes may stand before any marker.
    if (marker === 0xff) at += 1;
    else if (marker === START_OF_SCAN || marker === START_OF_TILE_PART) return at;
    else at += 2 + ((stream[at + 2]! << 8) | stream[at + 3]!);
  }
  return at;
}
