import { DicomMetaDictionary } from './dcmjs';

/*
 * Tags, keywords and value representations (PS3.6), from dcmjs, whose dictionary is the one OHIF names attributes by. dcmjs writes `xs` for
 * "US or SS", `ox` for "OB or OW", `lt` for "US or OW" and `up` for the file-offset pointers of a DICOMDIR.
 */

const vrByTag = new Map<number, string>();
const tagByKeyword = new Map<string, number>();
const keywordByTag = new Map<number, string>();

for (const [keyword, entry] of Object.entries(DicomMetaDictionary.nameMap)) {
  const digits = /^\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)$/.exec(entry.tag);
  if (!digits || keyword.startsWith('RETIRED_Private')) continue;
  const tag = Number.parseInt(digits[1]! + digits[2]!, 16);
  if (/^([A-Z]{2}|xs|ox|lt|up)$/.test(entry.vr) && !vrByTag.has(tag)) vrByTag.set(tag, entry.vr);
  tagByKeyword.set(keyword, tag);
  if (!keywordByTag.has(tag)) keywordByTag.set(tag, keyword);
}

/** The VR of a standard attribute, `xs`, `ox` and `lt` included; undefined when private or unknown. */
export function vrOfTag(tag: number): string | undefined {
  const group = tag >>> 16;
  if (group & 1) return undefined;
  if ((tag & 0xffff) === 0) return 'UL';
  // Overlays and curves repeat over even groups (PS3.5 7.6); the dictionary knows the first.
  const repeating = group >>> 8 === 0x60 || group >>> 8 === 0x50;
  const known = repeating ? ((group & 0xff00) << 16) + (tag & 0xffff) : tag;
  return vrByTag.get(known >>> 0);
}

/** Tag of a keyword; undefined when dcmjs does not know it. */
export function tagOfKeyword(keyword: string): number | undefined {
  return tagByKeyword.get(keyword);
}

/** Keyword of a standard attribute; undefined when private or unknown. */
export function keywordOfTag(tag: number): string | undefined {
  return keywordByTag.get(tag);
}

/** `(gggg,eeee)` for messages and logs. */
export function tagText(tag: number): string {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}
