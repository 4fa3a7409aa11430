import { sliceFromStored, type CtSlice } from '../ct';
import { ctInstance } from '../ct/fixtures';
import type { EngineInput } from '../engine';
import type { GuardOptions } from './measure';

export const SIZE = 256;

/** Normal deviates, the same for the same seed. */
export function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** A body of even soft tissue in air, with noise; slices 5 mm apart and thick. `hu` may paint what else there is. */
export function phantom(
  count: number,
  noiseHu: number,
  hu: (row: number, column: number) => number = body,
): CtSlice[] {
  return Array.from({ length: count }, (_, n) => {
    const instance = ctInstance({ Rows: SIZE, Columns: SIZE, BitsStored: 16, HighBit: 15 }, n + 1);
    const normal = normals(n + 1);
    const stored = Uint16Array.from({ length: SIZE * SIZE }, (_unused, i) =>
      Math.max(0, Math.round(1024 + hu(Math.floor(i / SIZE), i % SIZE) + noiseHu * normal())),
    );
    const slice = sliceFromStored(stored, instance);
    return { instance, loadHu: async () => slice };
  });
}

export function body(row: number, column: number): number {
  return Math.hypot(row - SIZE / 2, column - SIZE / 2) < 0.45 * SIZE ? 60 : -1000;
}

/** An engine of a model of single slices, or of 5 slices in and 3 out that computes each by itself. */
export function engineOf(
  network: (input: EngineInput) => Float32Array,
): GuardOptions['engine'] & { readonly runs: number } {
  const engine = {
    runs: 0,
    async denoiseSlab(inputs: readonly EngineInput[]) {
      engine.runs++;
      const own = inputs.length === 5 ? inputs.slice(1, 4) : inputs;
      return { slices: own.map(network), ms: 1, provider: 'cpu' as const };
    },
  };
  return engine;
}
