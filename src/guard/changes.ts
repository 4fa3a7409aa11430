import type { SliceHu } from '../ct';
import { SeriesStatistics, sliceStatistics, TISSUES, type Tissue } from '../residual';
import type { ChangeMeasurement } from './types';

/** Side of the squares in which a change is looked for that a whole tissue's mean would hide. */
export const BLOCK_PX = 32;
/** A tissue of fewer pixels, over all slices looked at, has a mean that is mostly noise. */
const FEWEST_PIXELS = 5000;

const EDGE_HU_PER_PX = 50;
const FEWEST_EDGE_PIXELS = 500;

/** What full strength changes in the slices looked at. */
export class Changes {
  readonly #pooled = new SeriesStatistics();
  readonly #edges = { before: 0, after: 0, pixels: 0 };
  #structure: ChangeMeasurement['structure'] = { score: 0, sopInstanceUid: '' };
  #block: ChangeMeasurement['block'] = { sopInstanceUid: '', row: 0, column: 0, meanChangeHu: 0 };

  add(sopInstanceUid: string, source: SliceHu, denoised: Float32Array): void {
    const statistics = sliceStatistics(source, denoised);
    this.#pooled.add(sopInstanceUid, statistics);
    const { score } = statistics.structure;
    if (score > this.#structure.score) this.#structure = { score, sopInstanceUid };
    addEdges(this.#edges, source, denoised);
    const block = largestBlock(source, denoised);
    if (Math.abs(block.meanChangeHu) > Math.abs(this.#block.meanChangeHu))
      this.#block = { sopInstanceUid, ...block };
  }

  get measurement(): ChangeMeasurement {
    const { tissue } = this.#pooled.total();
    const tissues = (Object.keys(TISSUES) as Tissue[]).flatMap(name => {
      const { pixels, meanChangeHu } = tissue[name];
      return pixels < FEWEST_PIXELS ? [] : [{ tissue: name, pixels, meanChangeHu }];
    });
    const { before, after, pixels } = this.#edges;
    return {
      tissues,
      structure: this.#structure,
      edgesKept: pixels < FEWEST_EDGE_PIXELS ? null : after / before,
      block: this.#block,
    };
  }
}

/** Whole squares without padding. */
function largestBlock({ rows, columns, hu, padding }: SliceHu, denoised: Float32Array) {
  let largest = { row: 0, column: 0, meanChangeHu: 0 };
  for (let row = 0; row + BLOCK_PX <= rows; row += BLOCK_PX) {
    for (let column = 0; column + BLOCK_PX <= columns; column += BLOCK_PX) {
      let [sum, padded] = [0, false];
      for (let y = row; y < row + BLOCK_PX; y++) {
        for (let i = y * columns + column; i < y * columns + column + BLOCK_PX; i++) {
          sum += denoised[i]! - hu[i]!;
          padded ||= padding?.[i] === 1;
        }
      }
      const meanChangeHu = sum / BLOCK_PX ** 2;
      if (!padded && Math.abs(meanChangeHu) > Math.abs(largest.meanChangeHu))
        largest = { row, column, meanChangeHu };
    }
  }
  return largest;
}

/** Sums of `ChangeMeasurement.edgesKept` over one slice. u is the mean of 3 x 3 pixels. */
function addEdges(
  sums: { before: number; after: number; pixels: number },
  { rows, columns, hu, padding }: SliceHu,
  denoised: Float32Array,
): void {
  const u = new Float32Array(hu.length);
  for (let y = 1; y < rows - 1; y++) {
    for (let i = y * columns + 1; i < (y + 1) * columns - 1; i++) {
      let sum = 0;
      for (let near = i - columns; near <= i + columns; near += columns)
        sum += denoised[near - 1]! + denoised[near]! + denoised[near + 1]!;
      u[i] = sum / 9;
    }
  }
  for (let y = 2; y < rows - 2; y++) {
    for (let i = y * columns + 2; i < (y + 1) * columns - 2; i++) {
      const above = i - columns;
      const below = i + columns;
      const left = i - 1;
      const right = i + 1;
      const down = (u[below]! - u[above]!) / 2;
      const along = (u[right]! - u[left]!) / 2;
      if (down * down + along * along < EDGE_HU_PER_PX ** 2) continue;
      // Padding has an edge of its own, which no denoiser changes.
      if (padding && padding[above]! + padding[below]! + padding[left]! + padding[right]! > 0) continue;
      sums.before += down * (hu[below]! - hu[above]!) + along * (hu[right]! - hu[left]!);
      sums.after +=
        down * (denoised[below]! - denoised[above]!) + along * (denoised[right]! - denoised[left]!);
      sums.pixels += 1;
    }
  }
}
