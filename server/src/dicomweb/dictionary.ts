import dcmjs from 'dcmjs';

export interface Attribute {
  /** Eight upper-case hex digits, as DICOM JSON writes them. */
  tag: string;
  /** As PS3.6 gives it, or one of dcmjs's ambiguous forms (`xs`, `ox`, `up`, `lt`). */
  vr: string;
  keyword: string;
}

const byTag = new Map<string, Attribute>();
const byKeyword = new Map<string, Attribute>();
for (const [keyword, { tag, vr }] of Object.entries(dcmjs.data.DicomMetaDictionary.nameMap)) {
  const plain = /^\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)$/.exec(tag);
  // Repeating groups (50xx) have no single tag.
  if (!plain) continue;
  const attribute = { tag: `${plain[1]}${plain[2]}`.toUpperCase(), vr, keyword };
  byTag.set(attribute.tag, attribute);
  byKeyword.set(keyword, attribute);
}

/** `00100010` or `PatientName` to its entry in PS3.6; undefined for private and unknown attributes. */
export function lookup(tagOrKeyword: string): Attribute | undefined {
  return byKeyword.get(tagOrKeyword) ?? byTag.get(tagOrKeyword.toUpperCase());
}

/**
 * The value representation of an attribute whose file does not say it: Implicit VR, or a public attribute written as UN
 * (PS3.5, 6.2.2). `signed` is Pixel Representation 1, which decides between US and SS.
 */
export function vrOf(tag: string, signed: boolean): string {
  if (parseInt(tag.slice(0, 4), 16) % 2 === 1) return /^....00[1-9A-F][0-9A-F]$/.test(tag) ? 'LO' : 'UN';
  if (tag.endsWith('0000')) return 'UL';
  const vr = byTag.get(tag)?.vr;
  switch (vr) {
    case 'xs':
      return signed ? 'SS' : 'US';
    case 'ox':
    case 'lt':
      return 'OW';
    case 'up':
      return 'UL';
    default:
      return vr && /^[A-Z]{2}$/.test(vr) ? vr : 'UN';
  }
}
