const EXPLICIT_LITTLE_ENDIAN = /^1\.2\.840\.10008\.1\.2\.(1$|4\.|5$)/;
/** VRs with a 32-bit length after two reserved bytes (PS3.5, 7.1.2). */
const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const UNKNOWN_TO_DICOM_PARSER = new Set(['OV', 'SV', 'UV']);
const UNDEFINED_LENGTH = 0xffffffff;
const PIXEL_DATA = 0x7fe00010;

/**
 * A Part 10 file that dicom-parser can read: OV, SV and UV (64-bit words, such as an Extended Offset Table) become UN, whose length it knows
 * to have 32 bits; it takes theirs for 16 bits and goes astray (https://github.com/cornerstonejs/dicomParser/issues/284). A copy, where
 * there is one to change.
 */
export function readable(bytes: Buffer): Buffer {
  const places = placesOf(bytes);
  if (places.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  for (const at of places) copy.write('UN', at, 'latin1');
  return copy;
}

/** Where those VRs stand. Walks element by element, into sequences, up to Pixel Data or the first thing that is no explicit element. */
function placesOf(bytes: Buffer): number[] {
  const places: number[] = [];
  let transferSyntax = '';
  for (let at = 132; at + 12 <= bytes.length;) {
    const group = bytes.readUInt16LE(at);
    if (group > 0x0002 && !EXPLICIT_LITTLE_ENDIAN.test(transferSyntax)) return places;
    // Items and delimiters have no VR; what an item holds follows it.
    if (group === 0xfffe) {
      at += 8;
      continue;
    }
    const tag = group * 0x10000 + bytes.readUInt16LE(at + 2);
    const vr = bytes.toString('latin1', at + 4, at + 6);
    if (tag === PIXEL_DATA || !/^[A-Z]{2}$/.test(vr)) return places;
    if (UNKNOWN_TO_DICOM_PARSER.has(vr)) places.push(at + 4);
    const head = LONG.has(vr) ? 12 : 8;
    const length = LONG.has(vr) ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    // What a UN of undefined length holds is implicit (PS3.5, 6.2.2): nothing in it needs a change, and its end is not known here.
    if (vr === 'UN' && length === UNDEFINED_LENGTH) return places;
    if (tag === 0x00020010)
      transferSyntax = bytes.toString('latin1', at + head, at + head + length).replace(/[\0 ]+$/, '');
    at += head + (vr === 'SQ' || length === UNDEFINED_LENGTH ? 0 : length);
  }
  return places;
}
