import type { Modality, StoredPixels } from './types';

/** At most this is no tissue: emphysema and bowel gas stay above. */
const AIR_HU = -990;
/** Below this, and above what 12 bits hold, nothing is measured: air does not go so low, and metal is cut off there. */
const BEYOND_AIR_HU = -1100;
const METAL_HU = 3071;
/** Pixels beyond air, of one value and joined to the border: so many are no streak. */
const SMALLEST_FILL_BEYOND = 16;
/** Of images smaller than any CT image: noise may make a region as long as their shorter side. */
const SMALLEST_FILL = 32;
/**
 * The outline of a fill is that of a field of view or of a rectangle: hardly longer than the box around the fill. Air that is cut off at the lowest
 * value makes large regions of one value too, with outlines of 3 to 100 times as much.
 */
const LONGEST_OUTLINE = 1.25;

/** Where a slice holds no measurement, and which stored values a result must keep clear of. */
export interface FoundPadding {
  /** 1 where there is no measurement; null when all pixels are measurements. */
  readonly mask: Uint8Array | null;
  /** The declared values where the image agrees with them; null where it does not, because then they are measurements too. */
  readonly padding: Modality['padding'];
}

/**
 * The padding of a slice, by what the file says (PS3.3 C.7.5.1.1.2) and by what the image shows: Pixel Padding Value is at times the value of water, of
 * air or of metal, and at times it is missing. A declared value is padding where it is no tissue and joined to the border of the image. A region of
 * one exact value, declared or not, is padding in a noisy image when it is joined to the border and too large and too smoothly bounded for noise.
 * The trainer does the same (training/src/iscl/data/padding.py), by the same table of cases (test/fixtures/padding.json).
 * @param stored rows x columns, the values that Bits Stored holds; padding outside Bits Stored as it is
 */
export function findPadding(
  stored: StoredPixels,
  rows: number,
  columns: number,
  modality: Modality,
): FoundPadding {
  const { padding, slope, intercept } = modality;
  const declared = (word: number) => padding !== null && word >= padding.low && word <= padding.high;
  const isBeyond = (word: number) => {
    const hu = slope * word + intercept;
    return hu < BEYOND_AIR_HU || hu > METAL_HU;
  };
  const isDeclaredAir = (word: number) => declared(word) && slope * word + intercept <= AIR_HU;
  const regions = new BorderRegions(stored, rows, columns);
  const large = Math.max(SMALLEST_FILL, Math.min(rows, columns));
  if (padding) {
    regions.mark(word => declared(word) && isBeyond(word), 1);
    regions.mark(isDeclaredAir, large, LONGEST_OUTLINE);
  }
  regions.mark((word, first) => word === first && isBeyond(first), SMALLEST_FILL_BEYOND);
  const without = regions.mask?.slice() ?? null;
  regions.mark((word, first) => word === first, large, LONGEST_OUTLINE);
  // An image without noise is made of such regions, and then they mean nothing. One that is nothing else is blank when it is air.
  const isFill = isNoisy(stored, columns, regions.mask) ?? slope * stored[0]! + intercept <= AIR_HU;
  const mask = isFill ? regions.mask : without;
  const agrees = padding !== null && stored.every((word, i) => !declared(word) || mask?.[i] === 1);
  return { mask, padding: agrees ? padding : null };
}

/** Whether most pixels outside the padding differ from their neighbour; null where there are none. */
function isNoisy(stored: StoredPixels, columns: number, mask: Uint8Array | null): boolean | null {
  let [equal, pairs] = [0, 0];
  for (let i = 1; i < stored.length; i++) {
    if (i % columns === 0 || mask?.[i] === 1 || mask?.[i - 1] === 1) continue;
    pairs++;
    if (stored[i] === stored[i - 1]) equal++;
  }
  return pairs === 0 ? null : 2 * equal <= pairs;
}

/** Whether a value belongs to the region that begins with the value `first`. */
type Belongs = (word: number, first: number) => boolean;

/** Regions that are joined to the border of the image (by the sides of pixels, not by corners), marked in one mask. */
class BorderRegions {
  mask: Uint8Array | null = null;
  /** The `mark` that came to a pixel last: a region is walked once, whether it counts or not. */
  readonly #visited: Uint8Array;
  readonly #region: Int32Array;
  #turn = 0;

  constructor(
    private readonly stored: StoredPixels,
    private readonly rows: number,
    private readonly columns: number,
  ) {
    this.#visited = new Uint8Array(stored.length);
    this.#region = new Int32Array(stored.length);
  }

  /**
   * @param least pixels that a region needs to count
   * @param longest outline that a region may have, in units of the outline of the box around the region
   */
  mark(belongs: Belongs, least: number, longest = Infinity): void {
    const { rows, columns } = this;
    this.#turn++;
    const from = (start: number) => {
      const first = this.stored[start]!;
      if (this.#isFree(start) && belongs(first, first)) this.#walk(start, belongs, least, longest);
    };
    for (let x = 0; x < columns; x++) {
      from(x);
      from((rows - 1) * columns + x);
    }
    for (let y = 1; y < rows - 1; y++) {
      from(y * columns);
      from((y + 1) * columns - 1);
    }
  }

  #walk(start: number, belongs: Belongs, least: number, longest: number): void {
    const { stored, rows, columns } = this;
    const region = this.#region;
    const first = stored[start]!;
    let [size, outline] = [1, 0];
    let [left, right, top, bottom] = [columns, 0, rows, 0];
    region[0] = start;
    this.#visited[start] = this.#turn;
    const look = (i: number) => {
      if (this.mask?.[i] === 1) return;
      if (!belongs(stored[i]!, first)) outline++;
      else if (this.#visited[i] !== this.#turn) {
        this.#visited[i] = this.#turn;
        region[size++] = i;
      }
    };
    for (let at = 0; at < size; at++) {
      const i = region[at]!;
      const x = i % columns;
      const y = (i - x) / columns;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
      if (x > 0) look(i - 1);
      if (x < columns - 1) look(i + 1);
      if (y > 0) look(i - columns);
      if (y < rows - 1) look(i + columns);
    }
    const box = 2 * (right - left + 1 + (bottom - top + 1));
    if (size < least || outline > longest * box) return;
    this.mask ??= new Uint8Array(stored.length);
    for (let at = 0; at < size; at++) this.mask[region[at]!] = 1;
  }

  #isFree(i: number): boolean {
    return this.#visited[i] !== this.#turn && this.mask?.[i] !== 1;
  }
}
