import { sliceFromStored } from '../ct';
import { ctInstance } from '../ct/fixtures';
import { quietHu, SeriesStatistics, sliceStatistics } from './index';

const SIZE = 64;

/** Soft tissue with noise of `amplitude` HU, and what is left when all of the noise but `left` of it is taken. */
function removed(amplitude: number, left = 0, strength = 1): number | null {
  const noise = (i: number) => Math.round(amplitude * Math.sin(i * i * 12.9898) * 10) / 10;
  const stored = Int16Array.from({ length: SIZE * SIZE }, (_, i) => 10 * (40 + noise(i)));
  const format = {
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    RescaleSlope: 0.1,
    RescaleIntercept: 0,
  };
  const source = sliceFromStored(stored, ctInstance({ Rows: SIZE, Columns: SIZE, ...format }));
  const series = new SeriesStatistics();
  series.add(
    '1',
    sliceStatistics(
      source,
      source.hu.map(hu => 40 + left * (hu - 40)),
    ),
  );
  return quietHu(series.total(), strength);
}

describe('a series that is quiet already', () => {
  test('says how little is removed, at the strength that is shown', () => {
    expect(removed(0.3)).toBeCloseTo(0.21, 1);
    expect(removed(0.3, 0, 0.5)).toBeCloseTo(0.11, 1);
    expect(removed(20, 0.99)).toBeCloseTo(0.14, 1);
  });
  test('a series with noise says nothing, at any strength', () => {
    expect(removed(20)).toBeNull();
    expect(removed(20, 0, 0.05)).toBeNull();
    expect(removed(4)).toBeNull();
  });
  test('nothing is known of no slices', () => {
    expect(quietHu(new SeriesStatistics().total(), 1)).toBeNull();
  });
});
