/** Of a series, what is read back when nothing is in doubt: first, last and evenly between, at least the square root of their number. */
export function sampleOf<T>(all: readonly T[]): T[] {
  const size = Math.min(all.length, Math.max(3, Math.ceil(Math.sqrt(all.length))));
  return Array.from(
    { length: size },
    (_, i) => all[Math.round((i * (all.length - 1)) / Math.max(1, size - 1))]!,
  );
}
