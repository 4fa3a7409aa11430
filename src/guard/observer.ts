import type { ObserverMoments } from './types';
import { HALF } from './uniform';

/** Radius of the disc that observers look at, pixels. */
export const WINDOW_PX = 15;
const CHANNELS = 6;
/** What an observer cannot tell from anatomy: a Gaussian blur of so many pixels within the disc is taken off. */
const COARSE_SIGMA_PX = 8;
const SIDE = 2 * HALF + 1;

/** Pixels of the disc in a region of SIDE x SIDE. */
const DISC: readonly { readonly y: number; readonly x: number; readonly index: number }[] = (() => {
  const pixels = [];
  for (let y = -HALF; y <= HALF; y++) {
    for (let x = -HALF; x <= HALF; x++)
      if (y * y + x * x <= WINDOW_PX ** 2) pixels.push({ y, x, index: (y + HALF) * SIDE + x + HALF });
  }
  return pixels;
})();

/**
 * Six Laguerre-Gauss channels (Gallas and Barrett, JOSA A 2003) that see a region without its coarse anatomy, as the trainer's judge
 * (docs/evaluation.md). The anatomy filter is folded into the channels: u (r - blur r) = (u - u blur) r.
 */
export class Channels {
  readonly #templates: readonly Float64Array[];

  /** @param widthPx of the Gaussian, as 1.5 times the lesion's diameter plus 4 pixels */
  constructor(widthPx: number) {
    this.#templates = Array.from({ length: CHANNELS }, (_, n) => withoutAnatomy(channel(n, widthPx)));
  }

  /** @param region SIDE x SIDE, row-major */
  respond(region: ArrayLike<number>): number[] {
    return this.#templates.map(template => {
      let sum = 0;
      for (let i = 0; i < DISC.length; i++) sum += template[i]! * region[DISC[i]!.index]!;
      return sum;
    });
  }
}

/** Unit norm on the disc. */
function channel(n: number, widthPx: number): Float64Array {
  const values = Float64Array.from(DISC, ({ y, x }) => {
    const argument = (2 * Math.PI * (y * y + x * x)) / widthPx ** 2;
    return Math.exp(-argument / 2) * laguerre(n, argument);
  });
  const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return values.map(value => value / norm);
}

function laguerre(n: number, x: number): number {
  let [before, now] = [0, 1];
  for (let k = 0; k < n; k++) [before, now] = [now, ((2 * k + 1 - x) * now - k * before) / (k + 1)];
  return now;
}

/** Weights of the blur within the disc, one row a pixel, each summing to one; made once. */
let blurWeights: Float64Array | null = null;

function weightsOfBlur(): Float64Array {
  const n = DISC.length;
  const weights = new Float64Array(n * n);
  // Of each squared distance once.
  const gaussian = Float64Array.from({ length: 8 * WINDOW_PX ** 2 + 1 }, (_, squared) =>
    Math.exp(-squared / (2 * COARSE_SIGMA_PX ** 2)),
  );
  for (let i = 0; i < n; i++) {
    const { y, x } = DISC[i]!;
    let total = 0;
    for (let j = 0; j < n; j++) {
      const other = DISC[j]!;
      total += weights[i * n + j] = gaussian[(y - other.y) ** 2 + (x - other.x) ** 2]!;
    }
    for (let j = 0; j < n; j++) weights[i * n + j]! /= total;
  }
  return weights;
}

/** The transposed anatomy filter: u - blur^T u. */
function withoutAnatomy(u: Float64Array): Float64Array {
  const weights = (blurWeights ??= weightsOfBlur());
  const n = DISC.length;
  const filtered = u.slice();
  for (let i = 0; i < n; i++) {
    const value = u[i]!;
    for (let j = 0; j < n; j++) filtered[j]! -= value * weights[i * n + j]!;
  }
  return filtered;
}

/** Mean over rows, and covariance (n - 1) of two sets of the same number of rows, row-major. */
export function meanOf(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
}

export function covariance(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[] {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  return meanA.flatMap((_, i) =>
    meanB.map(
      (_unused, j) =>
        a.reduce((sum, row, n) => sum + (row[i]! - meanA[i]!) * (b[n]![j]! - meanB[j]!), 0) / (a.length - 1),
    ),
  );
}

/**
 * d' of the channelised Hotelling observer at a strength over that of the original. What the denoiser makes of the lesion varies from place
 * to place: half of that variation counts as noise, since half of the images have the lesion.
 */
export function relativeDetectability(moments: ObserverMoments, strength: number): number {
  const { lesion, denoised, spread, before, between, after } = moments;
  const s = strength;
  const signal = lesion.map((value, i) => (1 - s) * value + s * denoised[i]!);
  const n = lesion.length;
  const noise = before.map((value, i) => {
    const transposed = between[(i % n) * n + Math.floor(i / n)]!;
    return (
      (1 - s) ** 2 * value + s * (1 - s) * (between[i]! + transposed) + s ** 2 * (after[i]! + spread[i]! / 2)
    );
  });
  return detectability(signal, noise) / detectability(lesion, before);
}

function detectability(signal: readonly number[], covarianceMatrix: readonly number[]): number {
  const solved = solve(covarianceMatrix, signal);
  const squared = solved ? signal.reduce((sum, value, i) => sum + value * solved[i]!, 0) : Number.NaN;
  return Math.sqrt(Math.max(squared, 0));
}

/** Gaussian elimination with row pivots; null for a singular matrix. */
function solve(matrix: readonly number[], right: readonly number[]): number[] | null {
  const n = right.length;
  const rows = right.map((value, i) => [...matrix.slice(i * n, i * n + n), value]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    if (!(Math.abs(rows[pivot]![k]!) > 0)) return null;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    let sum = rows[k]![n]!;
    for (let j = k + 1; j < n; j++) sum -= rows[k]![j]! * x[j]!;
    x[k] = sum / rows[k]![k]!;
  }
  return x;
}
