/** @jest-environment ./test/node-environment.cjs */
import { denoisedStack } from '../../bench/borders/command';
import { slabBorders, type Stack } from '../../bench/borders/measure';
import { describeWithData, DATA } from '../conformance/corpus';
import { join } from 'node:path';

/* Coronal and sagittal views of a series that a slab model has denoised must not show where one slab ends and the next begins. */

/** Mean absolute difference across borders over that inside slabs, less 1. */
const LARGEST_STEP = 0.02;

describe('the measure', () => {
  /** Slices that climb by `climb` HU each, plus what `extra` gives for a slice and its place in its slab. */
  const stack = (extra: (slice: number, place: number) => number, climb = 10): Stack => {
    const original = Array.from({ length: 20 }, (_, z) => new Float32Array(64).fill(climb * z));
    const denoised = [0, 1, 2].map(first =>
      original.map((hu, z) => (z < first ? null : hu.map(value => value + extra(z, (z - first) % 3)))),
    );
    return { original, denoised, inputs: 5 };
  };
  test('no step where each slice is what it is in any slab, however unlike its neighbours', () => {
    expect(slabBorders(stack(z => (z % 4) * 3)).step).toBeCloseTo(0, 10);
  });
  test('a step where the slices of a slab are drawn to each other', () => {
    // The first is 1 HU up and the last 1 HU down: 9 HU inside, 12 across.
    expect(slabBorders(stack((_, place) => 1 - place))).toMatchObject({ inside: 9, across: 12 });
  });
  test('a step where they are pushed apart', () => {
    expect(slabBorders(stack((_, place) => place - 1))).toMatchObject({ inside: 11, across: 8 });
  });
  test('too few slices to leave the ends out', () => {
    expect(() => slabBorders({ ...stack(() => 0), original: [] })).toThrow(RangeError);
  });
});

describeWithData('the shipped model through the command', () => {
  /* npm run bench borders measures all series; docs/benchmarks.md names those with larger steps, and why. */
  test.each(['COVID-CT-MD-normal001_D40s_2mm'])(
    '%s: neighbouring slices differ across borders as they do inside slabs',
    async name => {
      const { step } = slabBorders(await denoisedStack(join(DATA, 'stacks', name), 1));
      expect(Math.abs(step)).toBeLessThanOrEqual(LARGEST_STEP);
    },
    300_000,
  );
});
