import { asciiOf, type RawDataset } from '../part10/elements';

/**
 * Private attributes that a derived series keeps, by private creator: what describes the scan or the reconstruction, is still true of the
 * denoised pixels, and is on the standard's list of private attributes known to identify nobody (PS3.15 table E.3.10-1). All other private
 * attributes are dropped: nobody can say whether they are still true. Each is 0xgggg00ee: group, and the element within the creator's block.
 */
const ALLOWED: Readonly<Record<string, readonly number[]>> = {
  // Table speed, mid scan time, gantry period; pitch; number and width of detector rows.
  GEMS_ACQU_01: [0x00190023, 0x00190024, 0x00190027],
  GEMS_PARM_01: [0x00430027],
  GEMS_HELIOS_01: [0x00450001, 0x00450002],
  // DLP; acquisition duration; acquisition type, table velocity, pitch, rotation time.
  ELSCINT1: [0x00e10021, 0x00e10050, 0x01f10001, 0x01f10007, 0x01f10026, 0x01f10027],
};

/**
 * Removes private attributes that are not allowed, in nested items too, and the blocks of creators that are left with none. Group lengths
 * (retired) go as well: they count the bytes of the source's encoding.
 */
export function filterPrivate(dataset: RawDataset): RawDataset {
  const kept: RawDataset = new Map();
  for (const [tag, element] of dataset) {
    if ((tag & 0xffff) === 0) continue;
    if (((tag >>> 16) & 1) === 0) {
      kept.set(
        tag,
        'items' in element ? { vr: 'SQ', items: element.items.map(item => filterPrivate(item)) } : element,
      );
      continue;
    }
    // (gggg,00bb) reserves the elements (gggg,bb00-bbFF) for its creator (PS3.5 7.8.1).
    const block = (tag & 0xffff) >>> 8;
    if (block < 0x10) continue;
    const creatorTag = ((tag & 0xffff0000) | block) >>> 0;
    const creator = dataset.get(creatorTag);
    const name = asciiOf(dataset, creatorTag);
    // A file may name its creator "constructor", which every object has.
    const tags = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined;
    if (!creator || !tags?.includes((tag & 0xffff00ff) >>> 0)) continue;
    kept.set(creatorTag, creator);
    kept.set(tag, element);
  }
  return kept;
}
