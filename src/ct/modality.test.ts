import fc from 'fast-check';
import { DenoiseError } from '../notices';
import { ctInstance } from './fixtures';
import { huToStored, modalityOf, sliceFromHu, sliceFromStored, sliceToStored, storedToHu } from './index';

const small = (changes: Record<string, unknown> = {}) => ctInstance({ Rows: 1, Columns: 4, ...changes });
const signed16 = { BitsStored: 16, HighBit: 15, PixelRepresentation: 1 };

describe('stored words to HU', () => {
  test('unsigned 12 bits, slope and intercept', () => {
    const slice = sliceFromStored(Uint16Array.of(0, 1024, 4095, 24), small());
    expect([...slice.hu]).toEqual([-1024, 0, 3071, -1000]);
    expect(slice.padding).toBeNull();
  });
  test('bits above Bits Stored are ignored; signed words are sign-extended', () => {
    expect([...sliceFromStored(Uint16Array.of(0xf400, 0x1400, 0x8000, 0x0400), small()).hu]).toEqual([
      0, 0, -1024, 0,
    ]);
    const twelve = small({ PixelRepresentation: 1, RescaleIntercept: 0 });
    expect([...sliceFromStored(Int16Array.of(0x0fff, -1, 0x0800, 2047), twelve).hu]).toEqual([
      -1, -1, -2048, 2047,
    ]);
  });
  test('a decoder that gives the wrong signedness', () => {
    const slice = sliceFromStored(
      Uint16Array.of(0xffff, 0xf830, 0, 1),
      small({ ...signed16, RescaleIntercept: 0 }),
    );
    expect([...slice.hu]).toEqual([-1, -2000, 0, 1]);
    const unsigned = small({ BitsStored: 16, HighBit: 15 });
    expect([...sliceFromStored(Int16Array.of(-1, 0, 1, 2), unsigned).hu]).toEqual([
      64511, -1024, -1023, -1022,
    ]);
  });
  test('a viewer that keeps the values in a narrower or wider array than the file', () => {
    const signed = small({ ...signed16, RescaleIntercept: 0 });
    for (const words of [Uint8Array.of(0, 100, 200, 255), Int32Array.of(0, 100, 200, 255)]) {
      const { hu, stored } = sliceFromStored(words, signed);
      expect([...hu]).toEqual([0, 100, 200, 255]);
      expect(stored).toEqual(Int16Array.of(0, 100, 200, 255));
    }
  });
  test('padding: value, range, and a value written with the other sign', () => {
    const mask = (changes: Record<string, unknown>) =>
      Array.from(
        sliceFromStored(Int16Array.of(-2000, -1990, 0, 5), small({ ...signed16, ...changes })).padding ?? [],
      );
    expect(mask({ PixelPaddingValue: -2000 })).toEqual([1, 0, 0, 0]);
    expect(mask({ PixelPaddingValue: 63536 })).toEqual([1, 0, 0, 0]);
    expect(mask({ PixelPaddingValue: -2000, PixelPaddingRangeLimit: -1000 })).toEqual([1, 1, 0, 0]);
    expect(mask({ PixelPaddingValue: -1000, PixelPaddingRangeLimit: -2000 })).toEqual([1, 1, 0, 0]);
    expect(mask({ PixelPaddingRangeLimit: -2000 })).toEqual([]);
    expect(mask({ PixelPaddingValue: 77 })).toEqual([]);
  });
  test('padding outside Bits Stored is padding, not a wrapped HU', () => {
    const slice = sliceFromStored(Uint16Array.of(63536, 1024, 0, 0), small({ PixelPaddingValue: 63536 }));
    expect(slice.padding?.[0]).toBe(1);
    const out = sliceToStored(slice.hu, slice);
    expect([...out]).toEqual([63536, 1024, 0, 0]);
  });
  test('pixels a viewer has scaled already give the same slice', () => {
    const instance = small({ ...signed16, RescaleSlope: 1.0002441, PixelPaddingValue: -2000 });
    const stored = Int16Array.of(-2000, 17, 1024, 3000);
    const direct = sliceFromStored(stored, instance);
    const scaled = sliceFromHu(
      Array.from(stored, word => word * 1.0002441 - 1024),
      instance,
    );
    expect(scaled).toEqual(direct);
  });
  test('from a viewer that applied the rescale to bits above Bits Stored too, and keeps its own array', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 4, maxLength: 4 }),
        fc.constantFrom(1, 0.5, 1.0002441, -1),
        fc.constantFrom(0, 1),
        fc.option(fc.integer({ min: 0, max: 0xffff }), { nil: undefined }),
        (words, RescaleSlope, PixelRepresentation, PixelPaddingValue) => {
          const instance = small({ RescaleSlope, PixelRepresentation, PixelPaddingValue });
          const stored = PixelRepresentation === 1 ? Int16Array.from(words) : Uint16Array.from(words);
          const scaled = Float32Array.from(stored, word => RescaleSlope * word - 1024);
          const before = scaled.slice();
          expect(sliceFromHu(scaled, instance)).toEqual(sliceFromStored(stored, instance));
          expect(scaled).toEqual(before);
        },
      ),
    );
    const usual = Float32Array.of(-1024, 0, 40, 3071);
    expect(sliceFromHu(usual, small()).hu).toBe(usual);
  });
  test('a wrong number of pixels is refused', () => {
    expect(() => sliceFromStored(new Uint16Array(3), small())).toThrow(DenoiseError);
    expect(() => modalityOf(small({ RescaleSlope: undefined }))).toThrow(
      expect.objectContaining({ notice: expect.objectContaining({ code: 'not-hu' }) }),
    );
  });
});

describe('HU to stored words', () => {
  const modality = modalityOf(small());
  test('rounds and clamps to Bits Stored', () => {
    expect([-2000, -1024.4, 0.49, 0.5, 3071, 5000].map(hu => huToStored(hu, modality))).toEqual([
      0, 0, 1024, 1025, 4095, 4095,
    ]);
  });
  test('never gives the padding value', () => {
    const padded = modalityOf(small({ ...signed16, PixelPaddingValue: -2000 }));
    expect(huToStored(-3024, padded)).toBe(-1999);
    expect(huToStored(-3024.2, padded)).toBe(-2001);
    const lowest = modalityOf(small({ PixelPaddingValue: 0 }));
    expect(huToStored(-1024, lowest)).toBe(1);
    const range = modalityOf(small({ PixelPaddingValue: 0, PixelPaddingRangeLimit: 10 }));
    expect(huToStored(-1020, range)).toBe(11);
  });
  test('padding is restored from the source word for word', () => {
    const source = Int16Array.of(-2000, 5, -2000, 7);
    const slice = sliceFromStored(source, small({ ...signed16, PixelPaddingValue: -2000 }));
    const denoised = Float32Array.of(12, 3.4 - 1024, 400, 6.6 - 1024);
    expect(sliceToStored(denoised, slice)).toEqual(Int16Array.of(-2000, 3, -2000, 7));
    expect(() => sliceToStored(denoised.subarray(1), slice)).toThrow(RangeError);
  });

  const format = fc.record({
    bits: fc.integer({ min: 8, max: 16 }),
    signed: fc.boolean(),
    slope: fc.oneof(
      fc.constantFrom(1, 0.5, 2, 1.0002441, 2.0002442),
      fc.double({ min: 0.02, max: 40, noNaN: true }),
    ),
    intercept: fc.oneof(fc.constantFrom(0, -1024, -1000, -8192), fc.integer({ min: -10_000, max: 10_000 })),
    padding: fc.option(fc.integer({ min: -32768, max: 65535 }), { nil: undefined }),
  });
  const made = (f: {
    bits: number;
    signed: boolean;
    slope: number;
    intercept: number;
    padding: number | undefined;
  }) =>
    small({
      BitsStored: f.bits,
      HighBit: f.bits - 1,
      PixelRepresentation: f.signed ? 1 : 0,
      RescaleSlope: f.slope,
      RescaleIntercept: f.intercept,
      PixelPaddingValue: f.padding,
    });

  test('is the exact inverse of stored to HU, in every format', () => {
    fc.assert(
      fc.property(
        format,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (f, at) => {
          const instance = made(f);
          const { minStored, maxStored } = modalityOf(instance);
          const words = at.map(t => Math.round(minStored + t * (maxStored - minStored)));
          const source = f.signed ? Int16Array.from(words) : Uint16Array.from(words);
          const slice = sliceFromStored(source, instance);
          expect(sliceToStored(slice.hu, slice)).toEqual(source);
          words.forEach((word, i) => {
            expect(storedToHu(word, slice.modality)).toBe(slice.hu[i]);
          });
        },
      ),
    );
  });
  test('is off by at most half a slope inside the range, a step and a half beside padding', () => {
    fc.assert(
      fc.property(format, fc.double({ min: 0, max: 1, noNaN: true }), (f, t) => {
        const modality = modalityOf(made(f));
        const [low, high] = [
          storedToHu(modality.minStored, modality),
          storedToHu(modality.maxStored, modality),
        ];
        const hu = Math.fround(low + t * (high - low));
        const stored = huToStored(hu, modality);
        expect(stored).toBeGreaterThanOrEqual(modality.minStored);
        expect(stored).toBeLessThanOrEqual(modality.maxStored);
        const p = modality.padding;
        const beside = p !== null && Math.abs(stored - p.low) <= 1;
        if (p) expect(stored < p.low || stored > p.high).toBe(true);
        const rounding = 1e-6 * Math.max(Math.abs(low), Math.abs(high));
        expect(Math.abs(storedToHu(stored, modality) - hu)).toBeLessThanOrEqual(
          f.slope * (beside ? 1.5 : 0.5) + rounding,
        );
      }),
    );
  });
});
