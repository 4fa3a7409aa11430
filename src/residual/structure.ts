import type { SliceHu } from '../ct';
import { smooth } from './filters';
import type { StructureFinding } from './types';

/** A pixel is on an edge where the smoothed result climbs by at least this, HU per pixel: organ borders, vessels in lung, bone. */
const EDGE_HU_PER_PIXEL = 30;
/** Correlations are taken in squares of this side, so that a small structure that is lost is not averaged away. */
const BLOCK = 64;
/** Fewer edge pixels than this in a square give a correlation that is mostly chance. */
const MIN_EDGE_PIXELS = 200;

/**
 * Score from which a slice is flagged. Measured by `npx tsx bench/structure.ts` (docs/benchmarks.md): blurs that visibly soften edges lie
 * above it, removed noise alone lies below.
 */
export const STRUCTURE_THRESHOLD = 0.5;

/**
 * Did edges of the image leave with the noise? What a blur takes from an edge is proportional to the edge's curvature (a Gaussian blur of
 * variance t changes the image by t/2 times its Laplacian, the heat equation), while noise knows nothing of it. With
 *   r = denoised - source,  u = denoised smoothed by a Gaussian of SD 1 pixel,  E = pixels where |grad u| >= 30 HU/pixel,
 * the score is the largest Pearson correlation of r and the Laplacian of u over E in any 64 x 64 square (stepping by 32) that has at least 200
 * pixels of E. 0 when no square has. Padding is left out.
 * @param denoised rows x columns, HU, at full strength: at less, the noise that stays correlates with itself
 */
export function structureInResidual(source: SliceHu, denoised: Float32Array | Int16Array): StructureFinding {
  const { rows, columns, hu, padding } = source;
  const u = smooth(denoised, rows, columns);
  const half = BLOCK / 2;
  const down = Math.max(1, Math.ceil(rows / half));
  const right = Math.max(1, Math.ceil(columns / half));
  // Sums n, r, l, rr, ll, rl of each half-size cell; four cells make a square.
  const cells = new Float64Array(down * right * 6);
  for (let y = 1; y < rows - 1; y++) {
    for (let x = 1; x < columns - 1; x++) {
      const i = y * columns + x;
      if (padding?.[i] === 1) continue;
      const west = u[i - 1]!;
      const east = u[i + 1]!;
      const north = u[i - columns]!;
      const south = u[i + columns]!;
      const dx = (east - west) / 2;
      const dy = (south - north) / 2;
      if (dx * dx + dy * dy < EDGE_HU_PER_PIXEL * EDGE_HU_PER_PIXEL) continue;
      const r = denoised[i]! - hu[i]!;
      const l = west + east + north + south - 4 * u[i]!;
      const cell = 6 * (Math.floor(y / half) * right + Math.floor(x / half));
      cells[cell]! += 1;
      cells[cell + 1]! += r;
      cells[cell + 2]! += l;
      cells[cell + 3]! += r * r;
      cells[cell + 4]! += l * l;
      cells[cell + 5]! += r * l;
    }
  }
  let score = 0;
  const sums = new Float64Array(6);
  for (let y = 0; y < Math.max(1, down - 1); y++) {
    for (let x = 0; x < Math.max(1, right - 1); x++) {
      sums.fill(0);
      for (let cy = y; cy < Math.min(y + 2, down); cy++) {
        for (let cx = x; cx < Math.min(x + 2, right); cx++) {
          for (let k = 0; k < 6; k++) sums[k]! += cells[6 * (cy * right + cx) + k]!;
        }
      }
      score = Math.max(score, correlation(sums));
    }
  }
  return { score, flagged: score >= STRUCTURE_THRESHOLD };
}

/** Pearson's r from the sums n, x, y, xx, yy, xy; 0 when there is too little to say. */
function correlation([n, x, y, xx, yy, xy]: Float64Array | number[]): number {
  if (n! < MIN_EDGE_PIXELS) return 0;
  const varianceX = xx! - (x! * x!) / n!;
  const varianceY = yy! - (y! * y!) / n!;
  const product = varianceX * varianceY;
  return product > 0 ? (xy! - (x! * y!) / n!) / Math.sqrt(product) : 0;
}
