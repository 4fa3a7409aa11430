import { neighbourRuns, type SliceRun } from './neighbours';
import type { ModelSlab, NaturalizedInstance } from './types';

/** What one run of a model computes, by indices of the series' instances. */
export interface Slab {
  /** The slices whose results it gives, in order along the normal; output i belongs to the i-th. At most m. */
  readonly own: readonly number[];
  /** The n slices that go in; one that stands for a missing neighbour comes more than once. */
  readonly inputs: readonly number[];
}

/**
 * How a series is cut into slabs: a function of the series and the model alone, so that a slice's result does not depend on which slice was asked
 * for first. Slab k of a run of neighbours has the slices k m to k m + m - 1, and reads (n - m) / 2 more on either side; what is missing there is
 * the nearest slice of the run, and so is what an incomplete last slab lacks.
 * @param slab null for a model of single slices
 */
export function planSlabs(instances: readonly NaturalizedInstance[], slab: ModelSlab | null): Slab[] {
  if (!slab) return instances.map((_, index) => ({ own: [index], inputs: [index] }));
  return usedRuns(neighbourRuns(instances), slab).flatMap(({ indices }) => slabsOf(indices, slab));
}

function slabsOf(run: readonly number[], { inputs: n, outputs: m }: ModelSlab): Slab[] {
  const margin = (n - m) / 2;
  const last = run.length - 1;
  return Array.from({ length: Math.ceil(run.length / m) }, (_, k) => ({
    own: run.slice(k * m, k * m + m),
    inputs: Array.from({ length: n }, (_unused, i) => run[Math.min(last, Math.max(0, k * m - margin + i))]!),
  }));
}

/** Runs as the model takes them: beyond its spacing, each slice by itself where the card says so. */
function usedRuns(runs: readonly SliceRun[], slab: ModelSlab): SliceRun[] {
  return runs.flatMap(run =>
    slab.beyondSpacing === 'repeat' && isBeyond(run, slab)
      ? run.indices.map(index => ({ indices: [index], spacingMm: null }))
      : [run],
  );
}

/** Spacings, as thicknesses, are written with rounding. */
const TOLERANCE_MM = 0.01;

/** Are the neighbours of this run further apart, or closer, than the model was trained for? */
export function isBeyond({ spacingMm }: SliceRun, { spacingMm: [low, high] }: ModelSlab): boolean {
  return spacingMm !== null && (spacingMm < low - TOLERANCE_MM || spacingMm > high + TOLERANCE_MM);
}
