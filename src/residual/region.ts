import type { SliceHu } from '../ct';
import type { Region, RegionStatistics } from './types';

/** Mean, SD (n - 1) and n in the original and the denoised slice over the same pixels, padding left out; NaN where n is too small. */
export function regionStatistics(
  source: SliceHu,
  denoised: Float32Array | Int16Array,
  region: Region,
): { readonly original: RegionStatistics; readonly denoised: RegionStatistics } {
  if (denoised.length !== source.hu.length) {
    throw new RangeError(`${denoised.length} pixels for a slice of ${source.hu.length}`);
  }
  const pixels = pixelsIn(region, source);
  return { original: over(source.hu, pixels), denoised: over(denoised, pixels) };
}

/** Indices of the pixels whose centre (whole coordinates) lies inside, borders included. */
function pixelsIn(region: Region, { rows, columns, padding }: SliceHu): number[] {
  const [left, top, right, bottom] =
    region.kind === 'rectangle'
      ? [region.left, region.top, region.right, region.bottom]
      : [
          region.centreColumn - region.radiusColumns,
          region.centreRow - region.radiusRows,
          region.centreColumn + region.radiusColumns,
          region.centreRow + region.radiusRows,
        ];
  const pixels: number[] = [];
  for (let y = Math.max(0, Math.ceil(top)); y <= Math.min(rows - 1, Math.floor(bottom)); y++) {
    for (let x = Math.max(0, Math.ceil(left)); x <= Math.min(columns - 1, Math.floor(right)); x++) {
      const i = y * columns + x;
      if (padding?.[i] !== 1 && inside(region, x, y)) pixels.push(i);
    }
  }
  return pixels;
}

function inside(region: Region, x: number, y: number): boolean {
  if (region.kind === 'rectangle') return true;
  const [dx, dy] = [x - region.centreColumn, y - region.centreRow];
  // Multiplied out, so that a radius of 0 is a line or a point and not a division by 0.
  const [a, b] = [region.radiusColumns ** 2, region.radiusRows ** 2];
  return dx * dx * b + dy * dy * a <= a * b;
}

function over(hu: ArrayLike<number>, pixels: readonly number[]): RegionStatistics {
  const n = pixels.length;
  if (n === 0) return { pixels: 0, meanHu: Number.NaN, sdHu: Number.NaN };
  const mean = pixels.reduce((sum, i) => sum + hu[i]!, 0) / n;
  const squares = pixels.reduce((sum, i) => sum + (hu[i]! - mean) ** 2, 0);
  return { pixels: n, meanHu: mean, sdHu: n > 1 ? Math.sqrt(squares / (n - 1)) : Number.NaN };
}
