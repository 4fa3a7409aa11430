import fc from 'fast-check';
import { ctInstance } from './fixtures';
import { sortAlongNormal } from './index';

const self = <T>(item: T) => item;

test('sorts along the normal, whatever the orientation and the order given', () => {
  const axes = fc.constantFrom(
    [1, 0, 0, 0, 1, 0],
    [0, 1, 0, 0, 0, -1],
    [1, 0, 0, 0, 0.96, -0.28],
    [-1, 0, 0, 0, -1, 0],
  );
  const positions = fc.uniqueArray(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(axes, positions, (orientation, mm) => {
      const [a, b, c, d, e, f] = orientation as [number, number, number, number, number, number];
      const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
      const instances = mm.map((at, n) =>
        ctInstance(
          { ImageOrientationPatient: orientation, ImagePositionPatient: normal.map(v => v * at) },
          n + 1,
        ),
      );
      const sorted = sortAlongNormal(instances, self).map(instance => instances.indexOf(instance));
      expect(sorted.map(i => mm[i])).toEqual([...mm].sort((x, y) => x - y));
    }),
  );
});

test('falls back on Instance Number, then UID, and leaves the input alone', () => {
  const without = { ImagePositionPatient: undefined };
  const numbered = [3, 1, 2].map(n => ctInstance({ ...without, InstanceNumber: String(n) }, n));
  expect(sortAlongNormal(numbered, self).map(i => i.InstanceNumber)).toEqual(['1', '2', '3']);
  expect(numbered.map(i => i.InstanceNumber)).toEqual(['3', '1', '2']);
  const bare = [3, 1, 2].map(n => ctInstance({ ...without, InstanceNumber: undefined }, n));
  expect(sortAlongNormal(bare, self).map(i => i.SOPInstanceUID)).toEqual([
    '1.2.3.4.1',
    '1.2.3.4.2',
    '1.2.3.4.3',
  ]);
});

test('slices at one position follow their Instance Number', () => {
  const same = [2, 1].map(n => ctInstance({ ImagePositionPatient: [0, 0, 0] }, n));
  expect(sortAlongNormal(same, self).map(i => i.InstanceNumber)).toEqual([1, 2]);
});
