import fc from 'fast-check';
import { ctInstance } from './fixtures';
import { judgeSeries, neighbourRuns, planSlabs, type ModelSlab, type NaturalizedInstance } from './index';

const slab: ModelSlab = { inputs: 5, outputs: 3, spacingMm: [0.4, 5.5], beyondSpacing: 'repeat' };

/** Slices at these positions along z, mm. */
const at = (positions: readonly number[], changes: (i: number) => Record<string, unknown> = () => ({})) =>
  positions.map((z, i) => ctInstance({ ImagePositionPatient: [-180, -180, z], ...changes(i) }, i + 1));
const even = (count: number, step = 2, from = 0) => Array.from({ length: count }, (_, i) => from + step * i);
const runs = (instances: NaturalizedInstance[]) => neighbourRuns(instances).map(({ indices }) => indices);
/** Runs by Instance Number, for series out of order. */
const numbersOf = (instances: NaturalizedInstance[]) =>
  runs(instances).map(indices => indices.map(i => Number(instances[i]!.InstanceNumber)));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('which slices are neighbours', () => {
  test('an even series is one run, in any order of files and whatever the Instance Numbers say', () => {
    const instances = at(even(9));
    expect(runs(instances)).toEqual([range(0, 8)]);
    expect(numbersOf([...instances].reverse())).toEqual([range(1, 9)]);
    const shuffled = [3, 0, 7, 1, 8, 2, 6, 5, 4].map(i => instances[i]!);
    expect(numbersOf(shuffled)).toEqual([range(1, 9)]);
    const renumbered = at(even(5), i => ({ InstanceNumber: [3, 1, 5, 2, 4][i] }));
    expect(runs(renumbered)).toEqual([range(0, 4)]);
  });
  test('positions rounded to a tenth of a millimetre are even', () => {
    const rounded = even(20, 0.625).map(z => Math.round(z * 10) / 10);
    expect(runs(at(rounded))).toEqual([range(0, 19)]);
  });
  test.each<[string, number[], number[][]]>([
    [
      'a gap',
      [0, 1, 2, 4, 5, 6],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    ['a gap next to the end', [0, 1, 2, 3, 5], [[0, 1, 2, 3], [4]]],
    [
      'a gap after the first two',
      [0, 1, 3, 4, 5],
      [
        [0, 1],
        [2, 3, 4],
      ],
    ],
    [
      'a change of spacing',
      [0, 1, 2, 4, 6, 8],
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [
      'a closer part',
      [0, 2, 4, 5, 6, 8, 10],
      [
        [0, 1],
        [2, 3, 4],
        [5, 6],
      ],
    ],
    ['two slices at one position', [0, 1, 2, 2, 3, 4], [[0, 1], [2], [3], [4, 5]]],
    ['every slice twice', [0, 0, 1, 1, 2, 2], [[0], [1], [2], [3], [4], [5]]],
    [
      'two interleaved series that nothing else tells apart',
      [0, 0.3, 1, 1.3, 2, 2.3],
      [[0], [1], [2], [3], [4], [5]],
    ],
    ['two slices', [0, 5], [[0, 1]]],
    ['one slice', [0], [[0]]],
  ])('%s', (_name, positions, expected) => {
    expect(runs(at(positions))).toEqual(expected);
    const last = positions.length - 1;
    const mirrored = at([...positions].reverse().map(z => -z));
    expect(runs(mirrored)).toEqual([...expected].reverse().map(run => run.map(i => last - i).reverse()));
  });
  test.each<[string, (odd: boolean) => Record<string, unknown>]>([
    ['acquisitions', odd => ({ AcquisitionNumber: odd ? '2' : '1' })],
    ['kernels', odd => ({ ConvolutionKernel: odd ? 'B70f' : 'B30f' })],
    ['energies', odd => ({ KVP: odd ? 80 : 140 })],
    ['phases', odd => ({ TemporalPositionIdentifier: odd ? '2' : '1' })],
    [
      'orientations',
      odd => ({ ImageOrientationPatient: odd ? [1, 0, 0, 0, 0.99, -0.141] : [1, 0, 0, 0, 1, 0] }),
    ],
    ['thicknesses', odd => ({ SliceThickness: odd ? 1 : 5 })],
  ])('interleaved %s are stacks of their own', (_name, changes) => {
    const instances = at(even(8), i => changes(i % 2 === 1));
    expect(runs(instances)).toEqual([
      [0, 2, 4, 6],
      [1, 3, 5, 7],
    ]);
  });
  test('a second phase at the same positions, or behind the first, is a stack of its own', () => {
    const acquisition = (i: number) => ({ AcquisitionNumber: i < 5 ? '1' : '2' });
    expect(runs(at([...even(5), ...even(5)], acquisition))).toEqual([range(0, 4), range(5, 9)]);
    expect(runs(at(even(10), acquisition))).toEqual([range(0, 4), range(5, 9)]);
  });
  test('neighbours acquired long apart are cut, midnight is not long', () => {
    const time = (i: number) => ({ AcquisitionTime: i < 3 ? '120000.5' : '120040' });
    expect(runs(at(even(6), time))).toEqual([range(0, 2), range(3, 5)]);
    const night = (i: number) => ({ AcquisitionTime: i < 3 ? '235959.5' : '000001' });
    expect(runs(at(even(6), night))).toEqual([range(0, 5)]);
  });
  test('an Acquisition Number for each slice tells nothing', () => {
    expect(runs(at(even(6), i => ({ AcquisitionNumber: String(i) })))).toEqual([range(0, 5)]);
  });
  test('a tilted gantry is even; another field of view half-way is cut', () => {
    const tilt = (20 * Math.PI) / 180;
    const tilted = (z: number) => ({
      ImageOrientationPatient: [1, 0, 0, 0, Math.cos(tilt), -Math.sin(tilt)],
      ImagePositionPatient: [-180, -180, z],
    });
    const instances = even(6, 5).map((z, i) => ctInstance(tilted(z), i + 1));
    const [run, ...more] = neighbourRuns(instances);
    expect([run!.indices, more]).toEqual([range(0, 5), []]);
    expect(run!.spacingMm).toBeCloseTo(5 * Math.cos(tilt), 3);
    const moved = at(even(6), i => ({ ImagePositionPatient: [i < 3 ? -180 : -150, -180, 2 * i] }));
    expect(runs(moved)).toEqual([range(0, 2), range(3, 5)]);
  });
  test('slices without a position have no neighbours', () => {
    expect(runs(at(even(3), () => ({ ImagePositionPatient: undefined })))).toEqual([[0], [1], [2]]);
  });
});

describe('slabs', () => {
  const shape = fc.constantFrom<[number, number]>([5, 3], [7, 5], [5, 1], [3, 3], [3, 1], [9, 5]);

  test('of any length from 1 to 200: every slice once, neighbours as they lie, ends repeated', () => {
    const longest = at(even(200));
    for (let count = 1; count <= 200; count++) {
      const instances = longest.slice(0, count);
      for (const [inputs, outputs] of [
        [5, 3],
        [7, 5],
      ] as const) {
        const plan = planSlabs(instances, { ...slab, inputs, outputs });
        expect(plan.flatMap(({ own }) => own)).toEqual(range(0, count - 1));
        const margin = (inputs - outputs) / 2;
        const within = (i: number) => Math.min(count - 1, Math.max(0, i));
        expect(plan.map(each => each.inputs)).toEqual(
          plan.map((_, k) => range(k * outputs - margin, k * outputs + outputs - 1 + margin).map(within)),
        );
        expect(plan.every(({ own, inputs: read }) => own.every((i, k) => read[k + margin] === i))).toBe(true);
      }
    }
  });

  test('with cuts anywhere and files in any order: every slice once, none across a cut', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(parts, shape, fc.integer(), (lengths, [inputs, outputs], seed) => {
        const instances = lengths.flatMap((length, part) =>
          at(even(length, 1, 100 * part)).map(instance => ({ ...instance, Part: part })),
        );
        const order = instances.map((instance, i) => ({ instance, key: Math.sin(seed + 7 * i) }));
        const shuffled = order.sort((a, b) => a.key - b.key).map(({ instance }) => instance);
        const plan = planSlabs(shuffled, { ...slab, inputs, outputs });
        expect(plan.flatMap(({ own }) => own).sort((a, b) => a - b)).toEqual(range(0, shuffled.length - 1));
        for (const each of plan)
          expect(new Set([...each.inputs, ...each.own].map(i => shuffled[i]!.Part)).size).toBe(1);
        // The same slabs whatever the order given.
        const named = (slabs: typeof plan, of: NaturalizedInstance[]) =>
          slabs
            .map(each =>
              each.inputs.map(i => `${of[i]!.Part as number}:${String(of[i]!.ImagePositionPatient)}`),
            )
            .sort();
        expect(named(plan, shuffled)).toEqual(
          named(planSlabs(instances, { ...slab, inputs, outputs }), instances),
        );
      }),
    );
  });

  test('a model of single slices: each by itself', () => {
    expect(planSlabs(at(even(3)), null)).toEqual([0, 1, 2].map(i => ({ own: [i], inputs: [i] })));
  });

  test('spacing beyond the card: each slice by itself, or neighbours all the same', () => {
    const far = at(even(4, 8));
    expect(planSlabs(far, slab)).toEqual(range(0, 3).map(i => ({ own: [i], inputs: Array(5).fill(i) })));
    expect(planSlabs(far, { ...slab, beyondSpacing: 'warn' })[0]).toEqual({
      own: [0, 1, 2],
      inputs: [0, 0, 1, 2, 3],
    });
    expect(planSlabs(at(even(4, 5.5)), slab)[0]!.inputs).toEqual([0, 0, 1, 2, 3]);
  });
});

describe('the verdict of a slab model', () => {
  const codes = (positions: number[], changes: Partial<ModelSlab> = {}) => {
    const verdict = judgeSeries(at(positions), null, { ...slab, ...changes });
    const notices = verdict.kind === 'refused' ? verdict.reasons : verdict.warnings;
    return [verdict.kind, ...notices.map(({ code }) => code)];
  };
  test('tells whether neighbours are used beyond the spacing', () => {
    const verdict = (beyondSpacing: ModelSlab['beyondSpacing']) =>
      judgeSeries(at(even(6, 8)), null, { ...slab, beyondSpacing });
    expect(verdict('repeat')).toMatchObject({ warnings: [{ spacingMm: 8, neighbours: 'not used' }] });
    expect(verdict('warn')).toMatchObject({ warnings: [{ spacingMm: 8, neighbours: 'used' }] });
  });
  test('says what happens beyond the spacing, and that a series is interrupted', () => {
    expect(codes(even(6))).toEqual(['accepted']);
    expect(codes(even(6, 8))).toEqual(['accepted', 'spacing-outside-domain']);
    expect(codes(even(6, 8), { beyondSpacing: 'warn' })).toEqual(['accepted', 'spacing-outside-domain']);
    expect(codes(even(6, 8), { beyondSpacing: 'refuse' })).toEqual(['refused', 'spacing-outside-model']);
    expect(codes([0, 1, 2, 5, 6])).toEqual(['accepted', 'slices-missing', 'slices-interrupted']);
  });
});
