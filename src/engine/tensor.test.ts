import fc from 'fast-check';
import { boxCard } from './fixtures';
import { fromTensor, maxAbsDifference, toTensor } from './tensor';

const card = boxCard();

test('clamps to the range and shows padding as air', () => {
  const hu = Float32Array.of(-3000, 0, 5000, 40);
  const tensor = toTensor({ hu, rows: 1, columns: 4, padding: Uint8Array.of(0, 0, 0, 1) }, card);
  expect([...tensor.data.subarray(0, 4)]).toEqual([-1024, 0, 3071, -1000]);
  expect([...hu]).toEqual([-3000, 0, 5000, 40]);
});

test('continues edges by reflection up to the multiple', () => {
  const { data, height, width } = toTensor(
    { hu: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 2, columns: 3 },
    card,
  );
  expect([height, width]).toEqual([8, 8]);
  expect([...data.subarray(0, 8)]).toEqual([1, 2, 3, 2, 1, 2, 3, 2]);
  expect([...data.subarray(16, 24)]).toEqual([...data.subarray(0, 8)]);
});

test('a network that changes nothing gives the slice back, of any size and value', () => {
  const slice = fc.integer({ min: 1, max: 20 }).chain(rows =>
    fc.integer({ min: 1, max: 20 }).chain(columns =>
      fc.record({
        rows: fc.constant(rows),
        columns: fc.constant(columns),
        hu: fc
          .array(fc.integer({ min: -8000, max: 20_000 }), {
            minLength: rows * columns,
            maxLength: rows * columns,
          })
          .map(values => Float32Array.from(values)),
      }),
    ),
  );
  const anySize = { ...card, input: { ...card.input, multiple: 1 } };
  fc.assert(
    fc.property(slice, fc.constantFrom(card, anySize), (input, taken) => {
      expect(fromTensor(toTensor(input, taken), input, taken)).toEqual(input.hu);
    }),
  );
});

test('refuses input and output that are not numbers, and output far out of range', () => {
  const one = (hu: number) => ({ hu: Float32Array.of(hu), rows: 1, columns: 1 });
  const code = (run: () => unknown) => {
    try {
      run();
      return null;
    } catch (error) {
      return (error as { notice: { code: string; what: string } }).notice;
    }
  };
  for (const hu of [Number.NaN, Infinity, -Infinity])
    expect(code(() => toTensor(one(hu), card))).toMatchObject({ code: 'bad-input' });
  expect(code(() => toTensor({ ...one(Number.NaN), padding: Uint8Array.of(1) }, card))).toBeNull();
  const output = (hu: number) => ({ data: new Float32Array(64).fill(hu), height: 8, width: 8 });
  expect(code(() => fromTensor(output(Number.NaN), one(0), card))).toMatchObject({ what: 'not-finite' });
  expect(code(() => fromTensor(output(5000), one(0), card))).toMatchObject({ what: 'out-of-range' });
  expect(code(() => fromTensor(output(3500), one(0), card))).toBeNull();
});

test('the largest difference is infinite for anything that is no number', () => {
  expect(maxAbsDifference(Float32Array.of(1, 2), Float32Array.of(1, -2))).toBe(4);
  expect(maxAbsDifference(Float32Array.of(1, Number.NaN, 3), Float32Array.of(1, 2, 9))).toBe(
    Number.POSITIVE_INFINITY,
  );
  expect(maxAbsDifference(Float32Array.of(Number.NaN, 5), Float32Array.of(1, 2))).toBe(
    Number.POSITIVE_INFINITY,
  );
  expect(maxAbsDifference(Float32Array.of(1), Float32Array.of(1, 2))).toBe(Number.POSITIVE_INFINITY);
});
