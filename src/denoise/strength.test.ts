import fc from 'fast-check';
import { huToStored, sliceFromStored, storedToHu } from '../ct';
import { ctInstance } from '../ct/fixtures';
import { blend, difference, hasInt16Hu, toKept } from './strength';

const slice = (stored: number[], changes: Record<string, unknown> = {}) =>
  sliceFromStored(Uint16Array.from(stored), ctInstance({ Rows: 1, Columns: stored.length, ...changes }));

describe('blend', () => {
  test('rounds once, between source and result', () => {
    const source = slice([1024, 1024, 1024]);
    const denoised = Int16Array.of(3, -3, 100);
    expect([...blend(source, denoised, 1)]).toEqual([3, -3, 100]);
    expect([...blend(source, denoised, 0.5)]).toEqual([2, -1, 50]);
    expect([...blend(source, denoised, 0.1)]).toEqual([0, 0, 10]);
  });
  test('keeps padding, never lands on it, and stays within the file', () => {
    const source = slice([0, 1, 4095], { PixelPaddingValue: 0, RescaleIntercept: -2048 });
    expect([...blend(source, Int16Array.of(500, -2048, 9000), 1)]).toEqual([-2048, -2047, 2047]);
  });
  test('writes into the array given', () => {
    const out = new Int16Array(1);
    expect(blend(slice([1024]), Int16Array.of(7), 1, out)).toBe(out);
    expect(out[0]).toBe(7);
  });
  test('what 16 bits cannot hold does not wrap round to a plausible HU', () => {
    const wide = { BitsStored: 16, HighBit: 15, PixelPaddingValue: 63536 };
    const source = slice([63536, 1024, 0xffff], wide);
    const denoised = Int16Array.of(0, 10, 32767);
    for (const strength of [0, 0.5, 1]) {
      const [padding, , largest] = blend(source, denoised, strength, new Int16Array(3));
      expect([padding, largest]).toEqual([32767, 32767]);
    }
  });
  test('refuses other strengths and sizes', () => {
    const source = slice([1024]);
    expect(() => blend(source, Int16Array.of(1), 1.01)).toThrow(RangeError);
    expect(() => blend(source, Int16Array.of(1), Number.NaN)).toThrow(RangeError);
    expect(() => blend(source, Int16Array.of(1, 2), 1)).toThrow(RangeError);
  });

  const any = fc.record({
    stored: fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 1, maxLength: 20 }),
    denoised: fc.array(fc.integer({ min: -32768, max: 32767 }), { minLength: 20, maxLength: 20 }),
    slope: fc.constantFrom(1, 0.5, 2, 1.0002441),
    padding: fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined }),
  });
  const made = ({
    stored,
    denoised,
    slope,
    padding,
  }: typeof any extends fc.Arbitrary<infer T> ? T : never) => ({
    source: slice(stored, { RescaleSlope: slope, PixelPaddingValue: padding }),
    result: Int16Array.from(denoised.slice(0, stored.length)),
  });

  test('strength 0 is the source, bit for bit', () => {
    fc.assert(
      fc.property(any, given => {
        const { source, result } = made(given);
        expect(blend(source, result, 0)).toEqual(source.hu);
      }),
    );
  });
  test('what is shown is what a file gives back', () => {
    fc.assert(
      fc.property(any, fc.double({ min: 0, max: 1, noNaN: true }), (given, strength) => {
        const { source, result } = made(given);
        const { modality, padding } = source;
        const shown = blend(source, result, strength);
        shown.forEach((hu, i) => {
          if (padding?.[i] === 1) expect(hu).toBe(source.hu[i]);
          else expect(storedToHu(huToStored(hu, modality), modality)).toBe(hu);
        });
      }),
    );
  });
  test('lies within half a step of the straight line, where the file can hold it', () => {
    fc.assert(
      fc.property(any, fc.double({ min: 0.01, max: 1, noNaN: true }), (given, strength) => {
        const { source, result } = made({ ...given, padding: undefined });
        const { modality, hu } = source;
        const [low, high] = [
          storedToHu(modality.minStored, modality),
          storedToHu(modality.maxStored, modality),
        ];
        blend(source, result, strength).forEach((value, i) => {
          const exact = Math.min(high, Math.max(low, hu[i]! + strength * (result[i]! - hu[i]!)));
          expect(Math.abs(value - exact)).toBeLessThanOrEqual(modality.slope / 2 + 1e-2);
        });
      }),
    );
  });
});

test('difference is result minus source, nothing on padding', () => {
  const source = slice([0, 2048, 2054], { PixelPaddingValue: 0, RescaleIntercept: -2048 });
  expect([...difference(source, Int16Array.of(40, 5, 0))]).toEqual([0, 5, -6]);
});

/** Pixel formats by slope, intercept, Bits Stored and Pixel Representation. */
const FORMATS: readonly (readonly [string, Record<string, unknown>, isInt16: boolean])[] = [
  ['Siemens, Philips', { RescaleIntercept: -1024 }, true],
  ['GE', { RescaleIntercept: -1024, BitsStored: 16, HighBit: 15, PixelRepresentation: 1 }, true],
  ['16 bits unsigned', { RescaleIntercept: -1024, BitsStored: 16, HighBit: 15 }, false],
  ['slope 0.1', { RescaleSlope: 0.1, RescaleIntercept: -1024, BitsStored: 16, HighBit: 15 }, false],
  ['slope 1.000244', { RescaleSlope: 1.000244, RescaleIntercept: -1024 }, false],
  ['slope 0.5', { RescaleSlope: 0.5, RescaleIntercept: -1024 }, false],
  ['slope 3', { RescaleSlope: 3, RescaleIntercept: -1024 }, false],
  ['slope -1', { RescaleSlope: -1, RescaleIntercept: 3071 }, true],
  ['half an intercept', { RescaleIntercept: -1024.5 }, false],
  ['slope 16', { RescaleSlope: 16, RescaleIntercept: -1024 }, false],
];

describe('what is kept of a result', () => {
  test('whole HU of 16 bits where that is all the source can hold', () => {
    for (const [, format, isInt16] of FORMATS) {
      const { modality } = slice([5], format);
      expect(hasInt16Hu(modality)).toBe(isInt16);
    }
    const { modality } = slice([5]);
    expect(toKept(Float32Array.of(1.5, -1.5, 1.49), modality)).toEqual(Int16Array.of(2, -1, 1));
  });
  test.each([40_000, -40_000])('a slice with %d HU is kept as computed', beyond => {
    const { modality } = slice([5]);
    const computed = Float32Array.of(1.5, beyond);
    const kept = toKept(computed, modality);
    expect(kept).toEqual(computed);
    expect(kept.buffer).not.toBe(computed.buffer);
  });
  test.each(FORMATS)('the file is at most half a slope from what was computed: %s', (_maker, format) => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), share => {
        const { modality } = slice([5], format);
        const { minStored, maxStored, slope } = modality;
        const computed = storedToHu(minStored + share * (maxStored - minStored), modality);
        const source = slice([modality.signed ? 0 : minStored], format);
        const [hu] = blend(source, toKept(Float32Array.of(computed), modality), 1);
        // float32 of 60,000 HU is as exact as 0.004 HU.
        expect(Math.abs(hu! - computed)).toBeLessThanOrEqual(Math.abs(slope) / 2 + 0.005);
      }),
    );
  });
});
