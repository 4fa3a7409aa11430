/**
 * The golden pair at full size. A fault of a runtime may depend on the size of the picture (tiles, work groups, 16-bit indices), and a pair of
 * 64x64 pixels cannot show it. The input is computed, not stored: whole numbers alone, so that every language gives the same HU.
 * `full_input` and `full_sample_places` in training/src/iscl/export/golden.py are the same in Python.
 */

/** Side of the blocks of which the output has one stored sample each, pixels. */
export const SAMPLE_BLOCK = 8;

export interface GoldenSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * A body with air, lung, fat, soft tissue, faint discs, bone, metal and noise. float32 [slices, rows, columns], HU, whole numbers.
 * The slices differ in noise, and the discs move by a pixel from one to the next, so that a wrong order shows.
 */
export function fullGoldenInput(size: GoldenSize, slices: number, seed: number): Float32Array {
  const { rows, columns } = size;
  const body = bodyWithoutDiscs(size);
  const hu = new Float32Array(slices * rows * columns);
  for (let slice = 0; slice < slices; slice++) {
    const base = body.slice();
    for (let disc = 5; disc >= 0; disc--) {
      const radius = 6 + 5 * disc;
      paint(base, size, 600 + 2 * slice, 260 + 96 * disc, radius, radius, disc % 2 ? 30 : 70, SOFT_TISSUE);
    }
    const first = slice * base.length;
    for (let i = 0; i < base.length; i++) {
      const noise = noiseSum(first + i, seed) - 510;
      hu[first + i] = base[i]! + (noise >> (base[i]! < -999 ? 4 : 2));
    }
  }
  return hu;
}

/** Indices of the sampled pixels of an output, rows x columns each, slices one after the other. The place within a block changes from block to block. */
export function fullSamplePlaces({ rows, columns }: GoldenSize, slices: number): Int32Array {
  const down = Math.floor(rows / SAMPLE_BLOCK);
  const across = Math.floor(columns / SAMPLE_BLOCK);
  const places = new Int32Array(slices * samplesOf({ rows, columns }));
  let at = 0;
  for (let slice = 0; slice < slices; slice++)
    for (let i = 0; i < down; i++)
      for (let j = 0; j < across; j++) {
        const row = SAMPLE_BLOCK * i + ((3 * i + 5 * j + slice) % SAMPLE_BLOCK);
        const column = SAMPLE_BLOCK * j + ((5 * i + 2 * j + 3 * slice) % SAMPLE_BLOCK);
        places[at++] = (slice * rows + row) * columns + column;
      }
  return places;
}

/** Samples of one slice's output. */
export const samplesOf = ({ rows, columns }: GoldenSize): number =>
  Math.floor(rows / SAMPLE_BLOCK) * Math.floor(columns / SAMPLE_BLOCK);

const SOFT_TISSUE = 50;

function bodyWithoutDiscs(size: GoldenSize): Int16Array {
  const hu = new Int16Array(size.rows * size.columns).fill(-1000);
  paint(hu, size, 500, 500, 380, 460, -100);
  paint(hu, size, 500, 500, 345, 425, SOFT_TISSUE);
  paint(hu, size, 430, 290, 190, 140, -850);
  paint(hu, size, 430, 710, 190, 140, -850);
  paint(hu, size, 760, 500, 60, 60, 700);
  paint(hu, size, 760, 500, 30, 30, 300);
  paint(hu, size, 300, 500, 8, 8, 3071);
  return hu;
}

/**
 * Gives the pixels within an ellipse `value` HU; with `over`, those alone that have `over` HU. Centre and half axes are in units of 1/1000 of the
 * picture's sides, which makes every test one of whole numbers.
 */
function paint(
  hu: Int16Array,
  { rows, columns }: GoldenSize,
  centreY: number,
  centreX: number,
  halfY: number,
  halfX: number,
  value: number,
  over?: number,
): void {
  const first = (centre: number, half: number, side: number) =>
    Math.max(0, Math.floor(((centre - half) * side) / 1000) - 1);
  const end = (centre: number, half: number, side: number) =>
    Math.min(side, Math.ceil(((centre + half) * side) / 1000) + 2);
  const inside = halfY * halfX * (halfY * halfX);
  for (let row = first(centreY, halfY, rows); row < end(centreY, halfY, rows); row++) {
    const dy = (Math.floor((row * 1000) / rows) - centreY) * halfX;
    for (let column = first(centreX, halfX, columns); column < end(centreX, halfX, columns); column++) {
      const dx = (Math.floor((column * 1000) / columns) - centreX) * halfY;
      const at = row * columns + column;
      if (dy * dy + dx * dx < inside && (over === undefined || hu[at] === over)) hu[at] = value;
    }
  }
}

/** Sum of the four bytes of a hash of the index (the finaliser of MurmurHash3 by A. Appleby, public domain): 0 to 1020, bell-shaped. */
function noiseSum(index: number, seed: number): number {
  let hash = Math.imul(index + 1, 0x9e3779b1) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash & 255) + ((hash >>> 8) & 255) + ((hash >>> 16) & 255) + (hash >>> 24);
}
