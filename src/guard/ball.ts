/** Share of the radius within which a lesion's contrast is read. */
const CORE = 0.7;
/** Gaussian blur in the plane: no scanner shows a sharper edge. */
const EDGE_SIGMA_PX = 0.7;
/** Sub-pixels on a side. */
const FINE = 5;

/** A ball as the slices of a scan show it. Images are square, of `2 half + 1` pixels a side, with the ball's middle in the middle. */
export interface RenderedBall {
  readonly half: number;
  readonly radiusPx: number;
  /** Share of the contrast in the slice that is `offset` slices from the ball's middle; null where the ball does not reach. */
  slice(offset: number): Float32Array | null;
  /** Indices of the pixels of the middle slice in which contrast is read. */
  readonly core: readonly number[];
  /** Mean share of the contrast over `core`. */
  readonly coreMean: number;
}

/**
 * A ball with its middle at a pixel's middle in a slice's middle; a slice shows the mean over its thickness (partial volume). The same as
 * `render` of the trainer's judge (docs/evaluation.md, "What the judge measures").
 * @param gapMm between the middles of neighbouring slices
 */
export function renderBall(
  diameterMm: number,
  pixelMm: number,
  gapMm: number,
  thicknessMm: number,
): RenderedBall {
  const radius = diameterMm / 2;
  const half = Math.ceil(radius / pixelMm + 3 * EDGE_SIGMA_PX) + 1;
  const side = 2 * half + 1;
  const reach = Math.ceil((radius + thicknessMm / 2) / gapMm);
  const chords = subPixelChords(radius, pixelMm, side);
  const slices = new Map<number, Float32Array>();
  for (let k = -reach; k <= reach; k++) slices.set(k, sliceOf(chords, side, k * gapMm, thicknessMm));
  const core: number[] = [];
  for (let y = -half; y <= half; y++) {
    for (let x = -half; x <= half; x++)
      if (Math.hypot(y, x) * pixelMm <= CORE * radius) core.push((y + half) * side + x + half);
  }
  const middle = slices.get(0)!;
  return {
    half,
    radiusPx: radius / pixelMm,
    slice: offset => slices.get(offset) ?? null,
    core,
    coreMean: core.reduce((sum, i) => sum + middle[i]!, 0) / core.length,
  };
}

/** Half the length of the ball along the normal at each sub-pixel, mm; (side FINE)^2. */
function subPixelChords(radius: number, pixelMm: number, side: number): Float64Array {
  const n = side * FINE;
  const chords = new Float64Array(n * n);
  const at = (i: number) => ((i - (n - 1) / 2) / FINE) * pixelMm;
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++)
      chords[y * n + x] = Math.sqrt(Math.max(radius ** 2 - at(y) ** 2 - at(x) ** 2, 0));
  }
  return chords;
}

function sliceOf(chords: Float64Array, side: number, middleMm: number, thicknessMm: number): Float32Array {
  const n = side * FINE;
  const [low, high] = [middleMm - thicknessMm / 2, middleMm + thicknessMm / 2];
  const coarse = new Float64Array(side * side);
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const half = chords[y * n + x]!;
      const within = Math.max(Math.min(high, half) - Math.max(low, -half), 0) / thicknessMm;
      coarse[Math.floor(y / FINE) * side + Math.floor(x / FINE)]! += within / FINE ** 2;
    }
  }
  return Float32Array.from(blurred(coarse, side));
}

/** Gaussian of EDGE_SIGMA_PX, cut at four standard deviations, zero beyond the border. */
function blurred(image: Float64Array, side: number): Float64Array {
  const reach = Math.floor(4 * EDGE_SIGMA_PX + 0.5);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * EDGE_SIGMA_PX ** 2)),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  const pass = (from: Float64Array, step: number, place: (i: number) => number) =>
    from.map((_, i) => {
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const at = place(i) + k;
        if (at >= 0 && at < side) sum += weights[k + reach]! * from[i + k * step]!;
      }
      return sum / total;
    });
  return pass(
    pass(image, 1, i => i % side),
    side,
    i => Math.floor(i / side),
  );
}

/** Adds `contrastHu` of a ball's slice to an image in place; what sticks out is cut off. */
export function addBall(
  image: Float32Array,
  rows: number,
  columns: number,
  values: Float32Array,
  half: number,
  at: { readonly row: number; readonly column: number },
  contrastHu: number,
): void {
  const side = 2 * half + 1;
  for (let y = 0; y < side; y++) {
    const row = at.row + y - half;
    if (row < 0 || row >= rows) continue;
    for (let x = 0; x < side; x++) {
      const column = at.column + x - half;
      if (column >= 0 && column < columns)
        image[row * columns + column]! += contrastHu * values[y * side + x]!;
    }
  }
}
