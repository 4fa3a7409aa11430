/** Half the side of the region that an observer looks at, pixels. */
export const HALF = 18;
/** Least distance in the plane between two lesions' rims: one must not change what a denoiser makes of another. */
const APART_PX = 24;
/** Soft tissue. */
const LOW_HU = 0;
const HIGH_HU = 150;
const FLAT_HU_PER_PX = 6;
/** The guide is searched at half the resolution: tissue that is uniform over 20 pixels is so there too, at a quarter of the cost. */
const BIN = 2;
/** Gaussian blur of the guide, in its own pixels (4 pixels of the slice). */
const GUIDE_SIGMA = 2;
/** What the observer's region holds around its middle must be even, short of its corners. */
const REGION = (HALF - 4) / BIN;
/** Regions of one slice share few pixels. */
const SITE_PX = HALF + 6;

export interface Spot {
  readonly row: number;
  readonly column: number;
}

interface Candidate extends Spot {
  /** Distance to the next edge, pixels. */
  readonly depthPx: number;
}

/**
 * Uniform soft tissue of one slice: where the mean of the slices around it, blurred, lies between 0 and 150 HU and climbs by less than 6 HU a
 * pixel. Deterministic, flattest first.
 */
export class UniformTissue {
  readonly #candidates: readonly Candidate[];

  /** @param around the slice and its neighbours, rows x columns each, HU */
  constructor(around: readonly Float32Array[], rows: number, columns: number) {
    const [height, width] = [Math.floor(rows / BIN), Math.floor(columns / BIN)];
    const guide = blurred(binned(around, columns, height, width), height, width);
    const steep = gradient(guide, height, width);
    const flat = guide.map((hu, i) => (hu > LOW_HU && hu < HIGH_HU && steep[i]! < FLAT_HU_PER_PX ? 1 : 0));
    const depth = distanceToEdge(flat, height, width);
    const worst = largestAround(steep, height, width, REGION);
    const found: (Candidate & { readonly score: number })[] = [];
    for (let y = 0; y < height; y++) {
      const row = y * BIN;
      if (row < HALF || row >= rows - HALF) continue;
      for (let x = 0; x < width; x++) {
        const column = x * BIN;
        const i = y * width + x;
        if (depth[i] === 0 || column < HALF || column >= columns - HALF) continue;
        found.push({ row, column, depthPx: depth[i]! * BIN, score: Math.round(worst[i]! * 100) });
      }
    }
    this.#candidates = found.sort((a, b) => a.score - b.score || a.row - b.row || a.column - b.column);
  }

  /** How many places lie at least so far from the next edge. */
  count(depthPx: number): number {
    return this.#candidates.filter(candidate => candidate.depthPx >= depthPx).length;
  }

  /** Regions to read noise in. */
  sites(depthPx: number, most: number): Spot[] {
    const chosen: Spot[] = [];
    for (const { row, column, depthPx: depth } of this.#candidates) {
      if (chosen.length === most) break;
      const near = (site: Spot) =>
        Math.abs(site.row - row) < SITE_PX && Math.abs(site.column - column) < SITE_PX;
      if (depth >= depthPx && !chosen.some(near)) chosen.push({ row, column });
    }
    return chosen;
  }

  /**
   * Places for lesions that do not touch each other. The lesions take turns, so that none gets the best places alone.
   * @param radiiPx of the lesions, in the order of their turns
   * @param most places for each
   * @returns places of each lesion
   */
  places(radiiPx: readonly number[], depthPx: number, most: number): Spot[][] {
    const chosen: Spot[][] = radiiPx.map(() => []);
    const taken: (Spot & { readonly radiusPx: number })[] = [];
    const at = radiiPx.map(() => 0);
    const next = (lesion: number): Spot | null => {
      const radiusPx = radiiPx[lesion]!;
      const least = Math.max(radiusPx + 4, depthPx);
      for (; at[lesion]! < this.#candidates.length; at[lesion]!++) {
        const candidate = this.#candidates[at[lesion]!]!;
        if (candidate.depthPx < least) continue;
        const clear = taken.every(
          other =>
            Math.hypot(other.row - candidate.row, other.column - candidate.column) >=
            APART_PX + radiusPx + other.radiusPx,
        );
        if (clear) return candidate;
      }
      return null;
    };
    for (let round = 0; round < most; round++) {
      for (const lesion of radiiPx.keys()) {
        const spot = next(lesion);
        if (!spot) continue;
        const { row, column } = spot;
        chosen[lesion]!.push({ row, column });
        taken.push({ row, column, radiusPx: radiiPx[lesion]! });
      }
    }
    return chosen;
  }
}

/** Mean of the images, and of BIN x BIN pixels. */
function binned(
  images: readonly Float32Array[],
  columns: number,
  height: number,
  width: number,
): Float64Array {
  const mean = new Float64Array(height * width);
  const weight = 1 / (images.length * BIN * BIN);
  for (const image of images) {
    for (let y = 0; y < height * BIN; y++) {
      const row = Math.floor(y / BIN) * width;
      for (let x = 0; x < width * BIN; x++) mean[row + (x >> 1)]! += weight * image[y * columns + x]!;
    }
  }
  return mean;
}

function blurred(image: Float64Array, height: number, width: number): Float64Array {
  const reach = 4 * GUIDE_SIGMA;
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * GUIDE_SIGMA ** 2)),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  const along = (from: Float64Array, lines: number, length: number, lineStep: number, step: number) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let at = 0; at < length; at++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          const near = at + k < 0 ? 0 : at + k >= length ? length - 1 : at + k;
          sum += weights[k + reach]! * from[line * lineStep + near * step]!;
        }
        to[line * lineStep + at * step] = sum / total;
      }
    }
    return to;
  };
  return along(along(image, height, width, width, 1), width, height, 1, width);
}

/** Size of the gradient, HU per pixel of the slice. */
function gradient(image: Float64Array, height: number, width: number): Float64Array {
  const { max, min, sqrt } = Math;
  const steep = new Float64Array(image.length);
  for (let y = 0; y < height; y++) {
    const [above, below] = [max(0, y - 1), min(height - 1, y + 1)];
    for (let x = 0; x < width; x++) {
      const [left, right] = [max(0, x - 1), min(width - 1, x + 1)];
      const down = (image[below * width + x]! - image[above * width + x]!) / ((below - above) * BIN);
      const along = (image[y * width + right]! - image[y * width + left]!) / ((right - left) * BIN);
      steep[y * width + x] = sqrt(down * down + along * along);
    }
  }
  return steep;
}

/** Largest value in a square around each pixel, cut at the borders. */
function largestAround(image: Float64Array, height: number, width: number, radius: number): Float64Array {
  const along = (from: Float64Array, lines: number, length: number, lineStep: number, step: number) => {
    const to = new Float64Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let at = 0; at < length; at++) {
        const first = at < radius ? 0 : at - radius;
        const last = at + radius >= length ? length - 1 : at + radius;
        let most = 0;
        for (let near = first; near <= last; near++) {
          const value = from[line * lineStep + near * step]!;
          if (value > most) most = value;
        }
        to[line * lineStep + at * step] = most;
      }
    }
    return to;
  };
  return along(along(image, height, width, width, 1), width, height, 1, width);
}

/**
 * Euclidean distance of each 1 to the next 0, in pixels; what lies outside is 0 (Felzenszwalb and Huttenlocher, Theory of Computing 2012: lower
 * envelopes of parabolas, columns first, then rows).
 */
function distanceToEdge(mask: Float64Array, height: number, width: number): Float64Array {
  const squared = new Float64Array(mask.length);
  for (let x = 0; x < width; x++) {
    let run = 0;
    for (let y = 0; y < height; y++) squared[y * width + x] = run = mask[y * width + x] ? run + 1 : 0;
    run = 0;
    for (let y = height - 1; y >= 0; y--) {
      run = mask[y * width + x] ? run + 1 : 0;
      squared[y * width + x] = Math.min(squared[y * width + x]!, run) ** 2;
    }
  }
  const distance = new Float64Array(mask.length);
  const line = new Float64Array(width + 2);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    line.set(squared.subarray(y * width, (y + 1) * width), 1);
    const lower = lowerEnvelope(line);
    for (let x = 0; x < width; x++) distance[y * width + x] = Math.sqrt(lower[x + 1]!);
  }
  return distance;
}

/** min over q of f(q) + (p - q)^2, for each p. */
function lowerEnvelope(f: Float64Array): Float64Array {
  const n = f.length;
  const vertices = new Int32Array(n);
  const borders = new Float64Array(n + 1);
  let k = 0;
  borders[0] = -Infinity;
  borders[1] = Infinity;
  for (let q = 1; q < n; q++) {
    let meet: number;
    do {
      const v = vertices[k]!;
      meet = (f[q]! + q * q - f[v]! - v * v) / (2 * (q - v));
    } while (meet <= borders[k]! && --k >= 0);
    k++;
    vertices[k] = q;
    borders[k] = meet;
    borders[k + 1] = Infinity;
  }
  const lower = new Float64Array(n);
  k = 0;
  for (let p = 0; p < n; p++) {
    while (borders[k + 1]! < p) k++;
    lower[p] = (p - vertices[k]!) ** 2 + f[vertices[k]!]!;
  }
  return lower;
}
