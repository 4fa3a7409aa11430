import { normals } from '../../src/guard/fixtures';
import { ctInstance } from '../command-line/command';
import type { MadeInstance } from '../store/instances';

export const SIZE = 512;
const NOISE_HU = 15;

/** HU of a body of soft tissue with fat around it, lungs and bone in it, in air; all of them large enough to be measured. */
function hu(row: number, column: number): number {
  const from = (y: number, x: number) => Math.hypot(row - y, column - x);
  if (from(256, 256) > 220) return -1000;
  if (from(256, 256) > 195) return -90;
  if (from(150, 180) < 50 || from(150, 330) < 50) return -850;
  if (from(380, 256) < 45) return 400;
  return 55;
}

/**
 * A made-up chest of 512 x 512 pixels of 0.7 mm, with noise; slices 5 mm apart and thick.
 * @param change what a slice has instead, by its number from 1
 */
export function bodySeries(
  count: number,
  change: (number: number, pixels: Int16Array) => void = () => undefined,
) {
  return Array.from({ length: count }, (_, i): MadeInstance => {
    const number = i + 1;
    const normal = normals(number);
    const pixels = new Int16Array(SIZE * SIZE);
    for (let at = 0; at < pixels.length; at++)
      pixels[at] = Math.round(hu(Math.floor(at / SIZE), at % SIZE) + NOISE_HU * normal());
    change(number, pixels);
    return ctInstance(number, {
      size: SIZE,
      pixels,
      attributes: { PixelSpacing: [0.7, 0.7], SliceThickness: 5, ImagePositionPatient: [0, 0, 5 * number] },
    });
  });
}
