import { tagOfKeyword, vrOfTag } from '../../../src/dicom';

export interface Attribute {
  /** Eight upper-case hex digits, as DICOM JSON writes them. */
  tag: string;
  /** As PS3.6 gives it, or one of the ambiguous forms of src/dicom's dictionary (`xs`, `ox`, `up`, `lt`). */
  vr: string;
}

/** `00100010` or `PatientName` to its entry in PS3.6; undefined for private and unknown attributes. */
export function lookup(tagOrKeyword: string): Attribute | undefined {
  const tag =
    tagOfKeyword(tagOrKeyword) ??
    (/^[0-9A-Fa-f]{8}$/.test(tagOrKeyword) ? parseInt(tagOrKeyword, 16) : undefined);
  const vr = tag === undefined ? undefined : vrOfTag(tag);
  return tag === undefined || vr === undefined ? undefined : { tag: hexOf(tag), vr };
}

export const hexOf = (tag: number): string => tag.toString(16).padStart(8, '0').toUpperCase();
