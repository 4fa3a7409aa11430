/** Mean over a square of (2 radius + 1)^2 pixels, cut at the borders; by running sums, so its cost does not grow with the radius. */
export function boxMean(
  image: ArrayLike<number>,
  rows: number,
  columns: number,
  radius: number,
): Float32Array {
  const sums = new Float64Array((rows + 1) * (columns + 1));
  const width = columns + 1;
  for (let y = 0; y < rows; y++) {
    let row = 0;
    for (let x = 0; x < columns; x++) {
      row += image[y * columns + x]!;
      sums[(y + 1) * width + x + 1] = sums[y * width + x + 1]! + row;
    }
  }
  const mean = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const top = Math.max(0, y - radius);
    const bottom = Math.min(rows, y + radius + 1);
    for (let x = 0; x < columns; x++) {
      const left = Math.max(0, x - radius);
      const right = Math.min(columns, x + radius + 1);
      const sum =
        sums[bottom * width + right]! -
        sums[top * width + right]! -
        sums[bottom * width + left]! +
        sums[top * width + left]!;
      mean[y * columns + x] = sum / ((bottom - top) * (right - left));
    }
  }
  return mean;
}

/** Gaussian blur with the kernel [1 4 6 4 1] / 16 in both directions (SD 1 pixel), edges repeated. */
export function smooth(image: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const across = new Float32Array(rows * columns);
  const both = new Float32Array(rows * columns);
  // No array literals in these loops: they run for every pixel of every slice, on the main thread of the viewer.
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    const last = row + columns - 1;
    for (let x = 0; x < columns; x++) {
      const i = row + x;
      const west = Math.max(row, i - 1);
      const east = Math.min(last, i + 1);
      const outer = image[Math.max(row, i - 2)]! + image[Math.min(last, i + 2)]!;
      across[i] = (outer + 4 * (image[west]! + image[east]!) + 6 * image[i]!) / 16;
    }
  }
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    const north = Math.max(0, y - 1) * columns;
    const farNorth = Math.max(0, y - 2) * columns;
    const south = Math.min(rows - 1, y + 1) * columns;
    const farSouth = Math.min(rows - 1, y + 2) * columns;
    for (let x = 0; x < columns; x++) {
      const outer = across[farNorth + x]! + across[farSouth + x]!;
      both[row + x] = (outer + 4 * (across[north + x]! + across[south + x]!) + 6 * across[row + x]!) / 16;
    }
  }
  return both;
}
