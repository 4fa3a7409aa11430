import { number, numbers, text } from './attributes';
import type { NaturalizedInstance } from './types';

/** Direction cosines closer than this are the same orientation: 0.06 degrees, far below what a scanner means by a tilt. */
export const COSINE_TOLERANCE = 1e-3;

type Vector = readonly [number, number, number];

/** Unit slice normal from the six cosines of Image Orientation (Patient); null unless they are finite, unit and orthogonal. */
export function sliceNormal(orientation: readonly number[]): Vector | null {
  if (orientation.length !== 6 || !orientation.every(Number.isFinite)) return null;
  const [rx, ry, rz, cx, cy, cz] = orientation as [number, number, number, number, number, number];
  // Files carry cosines rounded to a few digits, so this only catches what is no orientation at all.
  const loose = 0.01;
  if (Math.abs(Math.hypot(rx, ry, rz) - 1) > loose || Math.abs(Math.hypot(cx, cy, cz) - 1) > loose)
    return null;
  if (Math.abs(rx * cx + ry * cy + rz * cz) > loose) return null;
  const normal: Vector = [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx];
  const length = Math.hypot(...normal);
  return [normal[0] / length, normal[1] / length, normal[2] / length];
}

/** Distance between pixels, mm (the geometric mean where rows and columns differ), and slice thickness, mm; null where it is not stated. */
export function pixelSizeOf(instance: NaturalizedInstance): { pixelMm: number; thicknessMm: number | null } {
  const [row, column] = numbers(instance, 'PixelSpacing') as [number, number];
  const thickness = number(instance, 'SliceThickness');
  return {
    pixelMm: Math.sqrt(row * column),
    thicknessMm: thickness !== null && thickness > 0 ? thickness : null,
  };
}

/** Distance of the slice from the origin along `normal`, mm; null without a usable Image Position (Patient). */
function positionAlong(normal: Vector, instance: NaturalizedInstance): number | null {
  const position = numbers(instance, 'ImagePositionPatient');
  if (position.length !== 3 || !position.every(Number.isFinite)) return null;
  return position.reduce((sum, value, axis) => sum + value * normal[axis]!, 0);
}

/**
 * Sorted along the slice normal (cross product of the row and column cosines of Image Orientation (Patient), PS3.3 C.7.6.2.1.1),
 * lowest position first; ties, and series without geometry, by Instance Number, then SOP Instance UID. Does not change `items`.
 */
export function sortAlongNormal<T>(items: readonly T[], instanceOf: (item: T) => NaturalizedInstance): T[] {
  // One normal for all: with a normal of its own, each slice would be measured along another axis.
  let normal: Vector | null = null;
  for (const item of items) {
    normal = sliceNormal(numbers(instanceOf(item), 'ImageOrientationPatient'));
    if (normal) break;
  }
  const keyed = items.map(item => {
    const instance = instanceOf(item);
    return {
      item,
      position: normal ? positionAlong(normal, instance) : null,
      number: number(instance, 'InstanceNumber') ?? Number.NaN,
      uid: text(instance, 'SOPInstanceUID'),
    };
  });
  // A sort by a key some lack is not an order; without every position, none is used.
  const placed = keyed.every(key => key.position !== null);
  const numbered = keyed.every(key => Number.isFinite(key.number));
  return keyed
    .sort(
      (a, b) =>
        (placed ? a.position! - b.position! : 0) ||
        (numbered ? a.number - b.number : 0) ||
        (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0),
    )
    .map(key => key.item);
}
