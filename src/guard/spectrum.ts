import { HALF } from './uniform';

/** Side of the regions that spectra are taken of, pixels. */
export const SPECTRUM_PX = 24;
const SIDE = 2 * HALF + 1;
const RINGS = SPECTRUM_PX / 2;

/** A region's noise: the surface of second order is taken off, and what is left is transformed. */
export interface Transformed {
  /** Detrended pixels, HU; SPECTRUM_PX squared. */
  readonly pixels: Float64Array;
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** @param region SIDE x SIDE, of which the middle is used */
export function transformed(region: ArrayLike<number>): Transformed {
  const pixels = new Float64Array(SPECTRUM_PX ** 2);
  const first = HALF - SPECTRUM_PX / 2;
  for (let y = 0; y < SPECTRUM_PX; y++) {
    for (let x = 0; x < SPECTRUM_PX; x++)
      pixels[y * SPECTRUM_PX + x] = region[(first + y) * SIDE + first + x]!;
  }
  for (const surface of SURFACES) {
    const share = surface.reduce((sum, value, i) => sum + value * pixels[i]!, 0);
    surface.forEach((value, i) => (pixels[i]! -= share * value));
  }
  return { pixels, ...fourier(pixels) };
}

/** Mean power in rings 1 to RINGS (zero frequency left out), HU^2; the real part of the cross power for two transforms. */
export function ringPower(a: Transformed, b: Transformed): number[] {
  const sums = new Array<number>(RINGS).fill(0);
  for (let i = 0; i < a.real.length; i++) {
    const ring = RING_OF[i]!;
    if (ring >= 1 && ring <= RINGS)
      sums[ring - 1]! += a.real[i]! * b.real[i]! + a.imaginary[i]! * b.imaginary[i]!;
  }
  // Power of unnormalised transforms, over the number of pixels: the mean over all frequencies is then the variance.
  return sums.map((sum, k) => sum / RING_SIZES[k]! / SPECTRUM_PX ** 2);
}

export function meanProduct(a: Transformed, b: Transformed): number {
  return a.pixels.reduce((sum, value, i) => sum + value * b.pixels[i]!, 0) / a.pixels.length;
}

const signed = (i: number) => (i < SPECTRUM_PX / 2 ? i : i - SPECTRUM_PX);
/** Ring of each frequency: its distance from zero, rounded half to even. */
const RING_OF = Int32Array.from({ length: SPECTRUM_PX ** 2 }, (_, i) => {
  const distance = Math.hypot(signed(Math.floor(i / SPECTRUM_PX)), signed(i % SPECTRUM_PX));
  const below = Math.floor(distance);
  return distance - below > 0.5 || (distance - below === 0.5 && below % 2 === 1) ? below + 1 : below;
});
const RING_SIZES = Array.from({ length: RINGS }, (_, k) => RING_OF.filter(ring => ring === k + 1).length);

/** Orthonormal surfaces 1, x, x^2, y, xy, y^2 (Gram-Schmidt). */
const SURFACES: readonly Float64Array[] = (() => {
  const axis = Array.from({ length: SPECTRUM_PX }, (_, i) => (2 * i) / (SPECTRUM_PX - 1) - 1);
  const found: Float64Array[] = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3 - i; j++) {
      const surface = Float64Array.from(
        { length: SPECTRUM_PX ** 2 },
        (_, at) => axis[Math.floor(at / SPECTRUM_PX)]! ** i * axis[at % SPECTRUM_PX]! ** j,
      );
      for (const other of found) {
        const share = surface.reduce((sum, value, at) => sum + value * other[at]!, 0);
        other.forEach((value, at) => (surface[at]! -= share * value));
      }
      const norm = Math.sqrt(surface.reduce((sum, value) => sum + value * value, 0));
      found.push(surface.map(value => value / norm));
    }
  }
  return found;
})();

const WAVE = Array.from({ length: SPECTRUM_PX }, (_, k) => {
  const angle = (-2 * Math.PI * k) / SPECTRUM_PX;
  return { cos: Math.cos(angle), sin: Math.sin(angle) };
});

/** Two-dimensional discrete Fourier transform, rows first. */
function fourier(pixels: Float64Array): { real: Float64Array; imaginary: Float64Array } {
  let real = pixels;
  let imaginary = new Float64Array(pixels.length);
  for (const [along, across] of [
    [1, SPECTRUM_PX],
    [SPECTRUM_PX, 1],
  ] as const) {
    const [nextReal, nextImaginary] = [new Float64Array(pixels.length), new Float64Array(pixels.length)];
    for (let line = 0; line < SPECTRUM_PX; line++) {
      for (let k = 0; k < SPECTRUM_PX; k++) {
        let sumReal = 0;
        let sumImaginary = 0;
        for (let i = 0; i < SPECTRUM_PX; i++) {
          const { cos, sin } = WAVE[(i * k) % SPECTRUM_PX]!;
          const at = line * across + i * along;
          sumReal += real[at]! * cos - imaginary[at]! * sin;
          sumImaginary += real[at]! * sin + imaginary[at]! * cos;
        }
        nextReal[line * across + k * along] = sumReal;
        nextImaginary[line * across + k * along] = sumImaginary;
      }
    }
    [real, imaginary] = [nextReal, nextImaginary];
  }
  return { real, imaginary };
}
