import { number } from './attributes';
import { stacksOf, stepsAlong } from './neighbours';
import type { NaturalizedInstance } from './types';

/** Where a series seems to lack slices. */
export interface Gaps {
  readonly gaps: number;
  /** How many slices would fill them, by the spacing of the others. */
  readonly slices: number;
}

/** A step so much longer than the steps beside it leaves room for a slice. */
const GAP_RATIO = 1.5;
/** Steps are alike when they differ by less than this share: positions are rounded. */
const SPACING_SHARE = 0.05;

/**
 * Gaps between the slices of each stack (one acquisition and reconstruction), null when there are none. Instance Numbers that run with the positions tell
 * best: 1, 2, 5 at an even distance a number lack two slices. Where they do not, a step is a gap that is longer than the steps on both of its sides.
 * Numbers that all step by the same (every second slice) are a gap only where the slices' thickness leaves room for those between, and where no other
 * stack of the series may hold them. Of slices at one position the first counts.
 */
export function gapsOf(instances: readonly NaturalizedInstance[]): Gaps | null {
  const stacks = stacksOf(instances);
  const lacking = stacks.flatMap(stack => {
    const slices = withoutRepeats(stack.map(index => instances[index]!));
    const steps = stepsAlong(slices);
    return steps ? (byNumber(slices, steps, stacks.length === 1) ?? bySteps(steps)) : [];
  });
  const found = lacking.filter(slices => slices > 0);
  return found.length === 0 ? null : { gaps: found.length, slices: found.reduce((sum, each) => sum + each) };
}

/** @param stack sorted along the normal */
function withoutRepeats(stack: readonly NaturalizedInstance[]): NaturalizedInstance[] {
  const kept: NaturalizedInstance[] = [];
  for (const slice of stack) {
    const before = kept.at(-1);
    if (!before || stepsAlong([before, slice])) kept.push(slice);
  }
  return kept;
}

/** Slices missing in each step; null when the numbers tell nothing. */
function byNumber(
  slices: readonly NaturalizedInstance[],
  steps: readonly number[],
  isOnly: boolean,
): number[] | null {
  const numbers = slices.map(slice => number(slice, 'InstanceNumber') ?? Number.NaN);
  const jumps = numbers.slice(1).map((value, i) => value - numbers[i]!);
  const isOrdered = jumps.every(jump => jump > 0) || jumps.every(jump => jump < 0);
  if (jumps.length === 0 || !isOrdered) return null;
  const counts = jumps.map(Math.abs);
  const units = steps.map((step, i) => step / counts[i]!);
  const [shortest, longest] = [Math.min(...units), Math.max(...units)];
  if (longest - shortest > Math.max(SPACING_SHARE * longest, 0.1)) return null;
  const least = Math.min(...counts);
  if (counts.some(count => count !== least)) {
    // Two reconstructions may share the numbers, and each then takes every second.
    return counts.map(count => Math.round(count / least) - 1);
  }
  if (least === 1 || !isOnly) return null;
  const thickness = number(slices[0]!, 'SliceThickness') ?? Number.NaN;
  const hasRoom = steps[0]! > GAP_RATIO * thickness && longest <= thickness * (1 + SPACING_SHARE);
  return hasRoom ? counts.map(() => least - 1) : null;
}

function bySteps(steps: readonly number[]): number[] {
  return steps.map((step, i) => {
    const beside = [steps[i - 1], steps[i + 1]].filter(each => each !== undefined);
    const longest = Math.max(...beside);
    return beside.length > 0 && longest > 0 && step >= GAP_RATIO * longest
      ? Math.round(step / longest) - 1
      : 0;
  });
}
