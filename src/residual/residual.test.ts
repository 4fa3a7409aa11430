import fc from 'fast-check';
import { type SliceHu, sliceFromHu } from '../ct';
import { ctInstance } from '../ct/fixtures';
import { regionStatistics, SeriesStatistics, sliceStatistics, structureInResidual } from './index';
import { boxMean, smooth } from './filters';

const slice = (rows: number, columns: number, hu: (y: number, x: number) => number): SliceHu =>
  sliceFromHu(
    Float32Array.from({ length: rows * columns }, (_, i) => hu(Math.floor(i / columns), i % columns)),
    ctInstance({ Rows: rows, Columns: columns, BitsStored: 16, HighBit: 15, PixelRepresentation: 1 }),
  );
const padded = (source: SliceHu, is: (i: number) => boolean): SliceHu => ({
  ...source,
  padding: Uint8Array.from(source.hu, (_, i) => (is(i) ? 1 : 0)),
});

/** Normal noise by Box and Muller, the same each time. */
function noise(length: number, sd: number, seed = 1): Float32Array {
  let state = seed;
  const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return Float32Array.from(
    { length },
    () => sd * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
const plus = (source: SliceHu, by: Float32Array): SliceHu => ({
  ...source,
  hu: source.hu.map((hu, i) => hu + by[i]!),
});

describe('sliceStatistics', () => {
  const halves = slice(40, 40, (_, x) => (x < 20 ? 50 : -100));
  test('a shift per tissue is found as it is', () => {
    const shifted = halves.hu.map(hu => (hu === 50 ? 53 : -102));
    const { tissue, meanChangeHu, maxAbsChangeHu, pixels } = sliceStatistics(halves, shifted);
    // Two columns beside the edge belong to no tissue.
    expect(tissue.soft).toEqual({ pixels: 40 * 18, meanChangeHu: 3, sdRemovedHu: 0 });
    expect(tissue.fat.meanChangeHu).toBe(-2);
    expect(tissue.bone).toEqual({ pixels: 0, meanChangeHu: Number.NaN, sdRemovedHu: Number.NaN });
    expect([pixels, meanChangeHu, maxAbsChangeHu]).toEqual([1600, 0.5, 3]);
  });
  test('noise taken away whole is no shift in any tissue, and its SD is told', () => {
    const truth = slice(128, 128, (y, x) => (y < 64 ? (x < 64 ? 40 : -100) : x < 64 ? -800 : 400));
    const noisy = plus(truth, noise(128 * 128, 40));
    const { tissue } = sliceStatistics(noisy, truth.hu);
    for (const name of ['soft', 'fat', 'lung', 'bone'] as const) {
      expect(tissue[name].pixels).toBeGreaterThan(3000);
      expect(Math.abs(tissue[name].meanChangeHu)).toBeLessThan(2.5);
      expect(tissue[name].sdRemovedHu).toBeGreaterThan(38);
      expect(tissue[name].sdRemovedHu).toBeLessThan(42);
    }
  });
  describe('on steps between all tissues', () => {
    const SIZE = 256;
    const levels = [-1000, -800, -100, 50, 400];
    const steps = slice(SIZE, SIZE, (y, x) => levels[(Math.floor(x / 32) + 2 * Math.floor(y / 32)) % 5]!);
    const truth = { ...steps, hu: smooth(steps.hu, SIZE, SIZE) };
    const blurred = smooth(truth.hu, SIZE, SIZE);
    /** Coarse, as a reconstruction's is. */
    const coarse = smooth(noise(SIZE * SIZE, 150), SIZE, SIZE);

    test('what a blur does to the edges is no shift of a tissue', () => {
      const { tissue } = sliceStatistics(truth, blurred);
      for (const { pixels, meanChangeHu } of Object.values(tissue)) {
        expect(pixels).toBeGreaterThan(5000);
        expect(Math.abs(meanChangeHu)).toBeLessThan(0.8);
      }
    });
    test.each([
      ['whole', 0],
      ['half', 0.5],
    ])('coarse noise taken away, %s, is no shift of a tissue', (_name, share) => {
      // With the opposite noise too, what the noise of one picture happens to be on average cancels.
      const series = new SeriesStatistics();
      for (const sign of [1, -1]) {
        const source = plus(
          truth,
          coarse.map(value => sign * value),
        );
        const denoised = truth.hu.map((hu, i) => hu + share * sign * coarse[i]!);
        series.add(String(sign), sliceStatistics(source, denoised));
      }
      for (const { pixels, meanChangeHu, sdRemovedHu } of Object.values(series.total().tissue)) {
        expect(pixels).toBeGreaterThan(10_000);
        expect(Math.abs(meanChangeHu)).toBeLessThan(0.5);
        expect(sdRemovedHu).toBeGreaterThan(35 * (1 - share));
      }
    });
  });
  test('padding does not count', () => {
    const source = padded(halves, i => i % 40 < 20);
    const { pixels, meanChangeHu } = sliceStatistics(
      source,
      halves.hu.map(hu => (hu === 50 ? 9999 : -100)),
    );
    expect([pixels, meanChangeHu]).toEqual([800, 0]);
    expect(() => sliceStatistics(halves, new Float32Array(3))).toThrow(RangeError);
  });
  test('a series pools its slices exactly, in any order, each once', () => {
    const hu = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(fc.array(fc.tuple(hu, hu), { minLength: 1, maxLength: 5 }), pairs => {
        const each = pairs.map(([from, to]) => ({
          source: slice(4, 4, (y, x) => from[4 * y + x]!),
          to: Float32Array.from(to),
        }));
        const series = new SeriesStatistics();
        each.toReversed().forEach(({ source, to }, i) => {
          series.add(
            String(i),
            sliceStatistics(
              source,
              Float32Array.from(to, () => 0),
            ),
          );
          series.add(String(i), sliceStatistics(source, to));
        });
        const changes = each.flatMap(({ source, to }) => Array.from(to, (value, i) => value - source.hu[i]!));
        const mean = changes.reduce((a, b) => a + b) / changes.length;
        const sd = Math.sqrt(changes.reduce((sum, change) => sum + (change - mean) ** 2, 0) / changes.length);
        const total = series.total();
        expect(total.pixels).toBe(changes.length);
        expect(total.meanChangeHu).toBeCloseTo(mean, 6);
        expect(total.sdRemovedHu).toBeCloseTo(sd, 6);
        expect(total.maxAbsChangeHu).toBe(Math.max(...changes.map(Math.abs)));
      }),
    );
  });
});

describe('structureInResidual', () => {
  // Vessels, an organ border and a rib: discs on soft tissue.
  const discs = [
    [30, 30, 6, 200],
    [30, 90, 3, 300],
    [90, 40, 18, -150],
    [95, 95, 10, 600],
  ] as const;
  const scene = slice(128, 128, (y, x) => {
    const disc = discs.find(([cy, cx, r]) => Math.hypot(y - cy, x - cx) < r);
    return disc ? disc[3] : 40;
  });
  const truth = { ...scene, hu: smooth(scene.hu, 128, 128) };

  test('noise alone is not structure, whatever its level', () => {
    for (const sd of [10, 30, 80]) {
      const finding = structureInResidual(plus(truth, noise(128 * 128, sd)), truth.hu);
      expect(finding).toMatchObject({ flagged: false });
      expect(finding.score).toBeLessThan(0.3);
    }
  });
  test('a blur is, also under noise', () => {
    const noisy = plus(truth, noise(128 * 128, 20));
    const blurred = smooth(smooth(smooth(noisy.hu, 128, 128), 128, 128), 128, 128);
    expect(structureInResidual(noisy, blurred)).toMatchObject({ flagged: true });
  });
  test('one softened part of a slice shows; padding is not looked at', () => {
    const softened = smooth(smooth(truth.hu, 128, 128), 128, 128);
    const denoised = truth.hu.map((hu, i) => (i % 128 >= 70 && i < 60 * 128 ? softened[i]! : hu));
    const noisy = plus(truth, noise(128 * 128, 5));
    expect(structureInResidual(noisy, truth.hu).flagged).toBe(false);
    const finding = structureInResidual(noisy, denoised);
    expect(finding.score).toBeGreaterThan(structureInResidual(noisy, truth.hu).score);
    const all = padded(noisy, () => true);
    expect(structureInResidual(all, denoised)).toEqual({ score: 0, flagged: false });
  });
  test('nothing to look at scores 0', () => {
    const flat = slice(64, 64, () => 40);
    expect(structureInResidual(flat, flat.hu)).toEqual({ score: 0, flagged: false });
  });
});

describe('regionStatistics', () => {
  const ramp = slice(10, 10, (y, x) => 10 * y + x);
  test('a rectangle with its borders, original and denoised over the same pixels', () => {
    const region = { kind: 'rectangle', left: 1, top: 2, right: 2, bottom: 3 } as const;
    const { original, denoised } = regionStatistics(ramp, new Int16Array(100).fill(5), region);
    expect(original).toEqual({
      pixels: 4,
      meanHu: 26.5,
      sdHu: Math.sqrt((5.5 ** 2 + 4.5 ** 2 + 4.5 ** 2 + 5.5 ** 2) / 3),
    });
    expect(denoised).toEqual({ pixels: 4, meanHu: 5, sdHu: 0 });
  });
  test('an ellipse counts pixel centres; it is cut at the border', () => {
    const at = (centreColumn: number, radius: number) =>
      ({ kind: 'ellipse', centreColumn, centreRow: 5, radiusColumns: radius, radiusRows: radius }) as const;
    expect(regionStatistics(ramp, ramp.hu, at(5, 1)).original).toMatchObject({ pixels: 5, meanHu: 55 });
    expect(regionStatistics(ramp, ramp.hu, at(5, 2)).original.pixels).toBe(13);
    expect(regionStatistics(ramp, ramp.hu, at(0, 1)).original.pixels).toBe(4);
    expect(regionStatistics(ramp, ramp.hu, at(5, 0)).original).toEqual({
      pixels: 1,
      meanHu: 55,
      sdHu: Number.NaN,
    });
    expect(regionStatistics(ramp, ramp.hu, at(-9, 2)).original).toEqual({
      pixels: 0,
      meanHu: Number.NaN,
      sdHu: Number.NaN,
    });
  });
  test('padding is left out of both', () => {
    const source = padded(ramp, i => i === 55);
    const region = { kind: 'rectangle', left: 5, top: 5, right: 6, bottom: 5 } as const;
    expect(regionStatistics(source, ramp.hu, region)).toMatchObject({
      original: { pixels: 1 },
      denoised: { meanHu: 56 },
    });
  });
});

test('boxMean is the mean of what lies within reach', () => {
  const image = fc.integer({ min: 1, max: 7 }).chain(rows =>
    fc.integer({ min: 1, max: 7 }).chain(columns =>
      fc.tuple(
        fc.constant(rows),
        fc.constant(columns),
        fc.array(fc.integer({ min: -1000, max: 3000 }), {
          minLength: rows * columns,
          maxLength: rows * columns,
        }),
      ),
    ),
  );
  fc.assert(
    fc.property(image, fc.integer({ min: 0, max: 3 }), ([rows, columns, hu], radius) => {
      boxMean(hu, rows, columns, radius).forEach((mean, i) => {
        const [y, x] = [Math.floor(i / columns), i % columns];
        const near = hu.filter(
          (_, j) => Math.abs(Math.floor(j / columns) - y) <= radius && Math.abs((j % columns) - x) <= radius,
        );
        expect(mean).toBeCloseTo(near.reduce((a, b) => a + b, 0) / near.length, 2);
      });
    }),
  );
});
