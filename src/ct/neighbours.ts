import { number, numbers, secondsOfDay, text, texts } from './attributes';
import { COSINE_TOLERANCE, sliceNormal, sortAlongNormal } from './geometry';
import type { NaturalizedInstance } from './types';

/** Slices that are each other's neighbours: evenly spaced, of one acquisition and reconstruction. */
export interface SliceRun {
  /** Indices of the instances, lowest position along the normal first. */
  readonly indices: readonly number[];
  /** Mean distance of neighbours along the normal; null for a slice by itself. */
  readonly spacingMm: number | null;
}

/** Positions are written rounded, often to a tenth of a millimetre, so even steps differ by as much (and by what binary fractions add). */
const SPACING_TOLERANCE_MM = 0.101;
/** In the plane, a step that differs from the others by more than this belongs to another reconstruction. */
const SHIFT_TOLERANCE_MM = 0.3;
/** Gantries tilt up to 30 degrees; a step that leans further is no tilt but another field of view. */
const LARGEST_LEAN = Math.tan((31 * Math.PI) / 180);
/** Between neighbours: no helix and no step-and-shoot takes as long, but contrast phases lie as far apart. */
const LONGEST_PAUSE_SECONDS = 10;
const DAY_SECONDS = 86_400;

/** From a slice to the next along the normal. */
interface Step {
  /** Along the normal, mm. */
  readonly along: number;
  /** In the plane, along rows and columns, mm; a tilted gantry shifts each slice by the same. */
  readonly shift: readonly [number, number];
  readonly seconds: number | null;
}

/**
 * The runs of neighbouring slices of one series; every index is in exactly one. Geometry and the attributes that say of which acquisition and
 * reconstruction a slice is decide, never the order given. A gap, a change of spacing, two slices at one position and a change of acquisition end a
 * run: in doubt a slice has no neighbour, because a wrong one would be mixed into the image.
 */
export function neighbourRuns(instances: readonly NaturalizedInstance[]): SliceRun[] {
  return stacksOf(instances).flatMap(indices => splitStack(indices, instances));
}

/** Indices of the slices of one acquisition, reconstruction and orientation, each sorted along the normal. */
export function stacksOf(instances: readonly NaturalizedInstance[]): number[][] {
  const sorted = sortAlongNormal(
    instances.map((_, index) => index),
    index => instances[index]!,
  );
  const numbered = acquisitionsTell(instances);
  const stacks: { key: string; cosines: number[]; indices: number[] }[] = [];
  for (const index of sorted) {
    const key = stackKey(instances[index]!, numbered);
    const cosines = numbers(instances[index]!, 'ImageOrientationPatient');
    const stack = stacks.find(other => other.key === key && sameOrientation(other.cosines, cosines));
    if (stack) stack.indices.push(index);
    else stacks.push({ key, cosines, indices: [index] });
  }
  return stacks.map(({ indices }) => indices);
}

/** Distances along the normal from each slice of a stack to the next, mm; null without geometry, or where two slices lie at one position. */
export function stepsAlong(stack: readonly NaturalizedInstance[]): number[] | null {
  const steps = stepsOf(stack);
  return steps?.every(isApart) ? steps.map(({ along }) => along) : null;
}

/** Of one acquisition and reconstruction: slices that differ in any of these are never neighbours. */
function stackKey(instance: NaturalizedInstance, numbered: boolean): string {
  const words = ['ConvolutionKernel', 'ImageType'].map(keyword =>
    texts(instance, keyword).join('\\').toUpperCase(),
  );
  const values = [
    'KVP',
    'SliceThickness',
    'TemporalPositionIdentifier',
    'TemporalPositionIndex',
    'NominalPercentageOfCardiacPhase',
  ].map(keyword => number(instance, keyword));
  return JSON.stringify([words, values, numbered ? text(instance, 'AcquisitionNumber') : '']);
}

function sameOrientation(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((cosine, i) => Math.abs(cosine - b[i]!) <= COSINE_TOLERANCE);
}

/** Some scanners and de-identifiers give each slice an Acquisition Number of its own, which then tells nothing. */
function acquisitionsTell(instances: readonly NaturalizedInstance[]): boolean {
  return new Set(instances.map(instance => text(instance, 'AcquisitionNumber'))).size < instances.length;
}

/** One stack, sorted along the normal, cut where two slices are not neighbours. */
function splitStack(stack: readonly number[], instances: readonly NaturalizedInstance[]): SliceRun[] {
  const steps = stepsOf(stack.map(index => instances[index]!));
  const linked = steps ? links(steps) : stack.slice(1).map(() => false);
  const runs: number[][] = [];
  stack.forEach((index, i) => {
    if (i > 0 && linked[i - 1]) runs.at(-1)!.push(index);
    else runs.push([index]);
  });
  let at = 0;
  return runs.map(indices => {
    const within = steps?.slice(at, at + indices.length - 1) ?? [];
    at += indices.length;
    const spacingMm =
      within.length === 0 ? null : within.reduce((sum, { along }) => sum + along, 0) / within.length;
    return { indices, spacingMm };
  });
}

/** Null without geometry: then nothing is known to be a neighbour. */
function stepsOf(stack: readonly NaturalizedInstance[]): Step[] | null {
  const orientation = numbers(stack[0]!, 'ImageOrientationPatient');
  const normal = sliceNormal(orientation);
  if (!normal) return null;
  const axes = [normal, orientation.slice(0, 3), orientation.slice(3)];
  const places = stack.map(instance => {
    const position = numbers(instance, 'ImagePositionPatient');
    if (position.length !== 3 || !position.every(Number.isFinite)) return null;
    return axes.map(axis => position.reduce((sum, value, i) => sum + value * axis[i]!, 0));
  });
  const times = stack.map(secondsOfDay);
  if (places.includes(null)) return null;
  return stack.slice(1).map((_, i) => {
    const [from, to] = [places[i]!, places[i + 1]!];
    const [along, row, column] = to.map((value, axis) => value - from[axis]!) as [number, number, number];
    const pause = times[i] === null || times[i + 1] === null ? null : Math.abs(times[i + 1]! - times[i]!);
    // Past midnight the clock starts again.
    return {
      along,
      shift: [row, column],
      seconds: pause === null ? null : Math.min(pause, DAY_SECONDS - pause),
    };
  });
}

/** Which steps join neighbours. */
function links(steps: readonly Step[]): boolean[] {
  const around = (i: number) => [steps[i - 1], steps[i + 1]].filter(step => step !== undefined);
  const lean = [0, 1].map(axis =>
    median(steps.filter(isApart).map(({ along, shift }) => shift[axis]! / along)),
  );
  const joined = steps.map((step, i) => {
    const closer = around(i).some(({ along }) => step.along > along + SPACING_TOLERANCE_MM);
    const leans = Math.hypot(...step.shift) > LARGEST_LEAN * step.along;
    const off = step.shift.map((shift, axis) => shift - lean[axis]! * step.along);
    const shifted = Math.hypot(...off) > SHIFT_TOLERANCE_MM;
    const paused = (step.seconds ?? 0) > LONGEST_PAUSE_SECONDS;
    return isApart(step) && !closer && !leans && !shifted && !paused;
  });
  // Two slices close to each other between wider steps may be of two acquisitions; even spacing takes a third slice, or the spacing of the rest.
  const even = joined.map((yes, i) => yes && (joined[i - 1] === true || joined[i + 1] === true));
  const known = steps.filter((_, i) => even[i]);
  return joined.map(
    (yes, i) =>
      yes &&
      (even[i] || steps.length === 1 || [...around(i), ...known].some(step => sameStep(step, steps[i]!))),
  );
}

function isApart({ along }: Step): boolean {
  return along >= SPACING_TOLERANCE_MM;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function sameStep(a: Step, b: Step): boolean {
  return Math.abs(a.along - b.along) <= SPACING_TOLERANCE_MM;
}
