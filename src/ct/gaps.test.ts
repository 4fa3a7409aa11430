import { ctInstance } from './fixtures';
import { gapsOf } from './gaps';
import { judgeSeries } from './index';
import type { NaturalizedInstance } from './types';

interface Place {
  readonly z: number;
  readonly number?: number;
  readonly [keyword: string]: unknown;
}
const slicesAt = (places: readonly Place[]): NaturalizedInstance[] =>
  places.map(({ z, number, ...changes }, i) =>
    ctInstance(
      { ImagePositionPatient: [-180, -180, z], InstanceNumber: number, SliceThickness: 5, ...changes },
      i,
    ),
  );
const numbered = (numbers: readonly number[], mm = 5): Place[] =>
  numbers.map(number => ({ z: mm * number, number }));

describe('gaps between slices', () => {
  test.each<[string, Place[], gaps: number, slices: number]>([
    ['one slice', numbered([1, 2, 4, 5]), 1, 1],
    ['two slices of four', numbered([1, 4]), 1, 2],
    ['numbered downwards', numbered([9, 8, 5, 4]).reverse(), 1, 2],
    ['in two places', numbered([1, 2, 4, 5, 9, 10]), 2, 4],
    ['every second', numbered([1, 3, 5, 7]), 3, 3],
    ['beside each other', numbered([1, 3, 5, 6, 7]), 2, 2],
    ['numbered anew afterwards', [0, 5, 10, 20, 25].map((z, i) => ({ z, number: i + 1 })), 1, 1],
    ['without numbers', [0, 5, 10, 30, 35].map(z => ({ z })), 1, 3],
    ['at the end', [0, 5, 10, 25].map(z => ({ z })), 1, 2],
    ['overlapping slices', numbered([1, 2, 5, 6], 2.5), 1, 2],
    [
      'a tilted gantry',
      numbered([1, 2, 4, 5]).map(place => ({ ...place, ImageOrientationPatient: [1, 0, 0, 0, 0.96, -0.28] })),
      1,
      1,
    ],
  ])('%s missing', (_what, places, gaps, slices) => {
    expect(gapsOf(slicesAt(places))).toEqual({ gaps, slices });
    expect(gapsOf(slicesAt(places).reverse())).toEqual({ gaps, slices });
    expect(judgeSeries(slicesAt(places), null)).toMatchObject({
      kind: 'accepted',
      warnings: expect.arrayContaining([{ kind: 'warning', code: 'slices-missing', gaps, slices }]),
    });
  });

  test.each<[string, Place[]]>([
    ['a whole series', numbered([1, 2, 3, 4])],
    ['one slice', numbered([7])],
    [
      'thin slices far apart, as in HRCT',
      [0, 10, 20, 30].map((z, i) => ({ z, number: i + 1, SliceThickness: 1 })),
    ],
    [
      'two reconstructions that share the numbers',
      numbered([1, 3, 5, 7]).map(({ number }, i) => ({ z: 5 * i, number: number! })),
    ],
    [
      'a head: 2.5 mm below, 5 mm above',
      [0, 2.5, 5, 7.5, 12.5, 17.5, 22.5].map((z, i) => ({ z, number: i + 1 })),
    ],
    [
      'two kernels in one series',
      [0, 5, 10, 15].flatMap(z => ['B30f', 'B70f'].map(ConvolutionKernel => ({ z, ConvolutionKernel }))),
    ],
    ['two phases at the same positions', [0, 5, 10, 0, 5, 10].map((z, i) => ({ z, number: i + 1 }))],
    ['positions rounded to a tenth', [0, 1.2, 2.5, 3.8, 5].map((z, i) => ({ z, number: i + 1 }))],
  ])('none: %s', (_what, places) => {
    expect(gapsOf(slicesAt(places))).toBeNull();
  });
});
