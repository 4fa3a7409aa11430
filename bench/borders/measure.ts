/** How far neighbouring slices differ inside slabs and across their borders: a step there is what an MPR would show. */

export interface Borders {
  /** Mean absolute difference of two neighbouring slices of one slab, HU. */
  readonly inside: number;
  /** The same where the border of two slabs lies between them. */
  readonly across: number;
  /** `across` over `inside`, less 1. */
  readonly step: number;
  /** Correlation, over the pixels, of what was removed from two neighbouring slices: of one slab, and of two. */
  readonly removedInside: number;
  readonly removedAcross: number;
}

export interface Stack {
  /** Slices along the normal, HU. */
  readonly original: readonly Float32Array[];
  /** The same slices denoised m times, m the model's slices out; time a as a series without its first a slices, whose places are null. */
  readonly denoised: readonly (readonly (Float32Array | null)[])[];
  /** n, the model's slices in. */
  readonly inputs: number;
}

/**
 * Each pair of neighbours is measured m times: a border lies between them once, m - 1 times they are of one slab. So anatomy, which differs from pair
 * to pair, is the same on both sides. Pairs near the ends, where a slab repeats slices, are left out.
 * @throws RangeError for too few slices
 */
export function slabBorders({ original, denoised, inputs }: Stack): Borders {
  const m = denoised.length;
  const reach = m - 1 + (inputs - m) / 2;
  const inside: Pair[] = [];
  const across: Pair[] = [];
  for (let below = m - 1 + reach; below + 1 + reach < original.length; below++) {
    for (const [first, slices] of denoised.entries()) {
      const pair = compare(original, slices, below);
      ((below - first) % m === m - 1 ? across : inside).push(pair);
    }
  }
  if (across.length === 0) throw new RangeError(`${original.length} slices are too few`);
  const mean = (pairs: readonly Pair[], key: keyof Pair) =>
    pairs.reduce((sum, pair) => sum + pair[key], 0) / pairs.length;
  const [near, far] = [mean(inside, 'difference'), mean(across, 'difference')];
  return {
    inside: near,
    across: far,
    step: far / near - 1,
    removedInside: mean(inside, 'correlation'),
    removedAcross: mean(across, 'correlation'),
  };
}

interface Pair {
  /** Mean absolute, HU. */
  readonly difference: number;
  /** Of what was removed. */
  readonly correlation: number;
}

function compare(
  original: readonly Float32Array[],
  denoised: readonly (Float32Array | null)[],
  below: number,
): Pair {
  const [one, two] = [denoised[below]!, denoised[below + 1]!];
  const [from, next] = [original[below]!, original[below + 1]!];
  let [sum, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < one.length; i++) {
    sum += Math.abs(two[i]! - one[i]!);
    const [x, y] = [from[i]! - one[i]!, next[i]! - two[i]!];
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const n = one.length;
  const covariance = ab / n - (a / n) * (b / n);
  const variances = (aa / n - (a / n) ** 2) * (bb / n - (b / n) ** 2);
  return { difference: sum / n, correlation: variances > 0 ? covariance / Math.sqrt(variances) : 0 };
}
