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
  const at = (index: number, size: number) => (index < 0 ? 0 : index >= size ? size - 1 : index);
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    for (let x = 0; x < columns; x++) {
      const [a, b] = [row + at(x - 2, columns), row + at(x - 1, columns)];
      const [c, d] = [row + at(x + 1, columns), row + at(x + 2, columns)];
      across[row + x] = (image[a]! + image[d]! + 4 * (image[b]! + image[c]!) + 6 * image[row + x]!) / 16;
    }
  }
  for (let y = 0; y < rows; y++) {
    const [a, b] = [at(y - 2, rows) * columns, at(y - 1, rows) * columns];
    const [c, d] = [at(y + 1, rows) * columns, at(y + 2, rows) * columns];
    for (let x = 0; x < columns; x++) {
      both[y * columns + x] =
        (across[a + x]! +
          across[d + x]! +
          4 * (across[b + x]! + across[c + x]!) +
          6 * across[y * columns + x]!) /
        16;
    }
  }
  return both;
}
