import { sliceFromHu } from '../ct';
import { ctInstance } from '../ct/fixtures';
import { DifferenceWindow } from './difference-window';

const SIZE = 64;
/** A slice of `tissue` HU, and its original, which lies `noise` HU above and below in turn: an SD of just that. */
function pair(noise: number, tissue = 40) {
  const denoised = new Int16Array(SIZE * SIZE).fill(tissue);
  const hu = denoised.map((value, i) => value + (i % 2 === 0 ? noise : -noise));
  return [sliceFromHu(hu, ctInstance({ Rows: SIZE, Columns: SIZE })), denoised] as const;
}

describe('the window of a difference', () => {
  test.each([
    [2, 20],
    [6, 40],
    [16, 100],
    [45, 300],
    [90, 400],
  ])('noise of %i HU fills a window of %i HU', (noise, width) => {
    const window = new DifferenceWindow();
    window.fit(...pair(noise));
    expect([window.center, window.width]).toEqual([0, width]);
  });

  test('a slice without soft tissue counts as a whole', () => {
    const window = new DifferenceWindow();
    window.fit(...pair(9, -800));
    expect(window.width).toBe(60);
  });

  test('stays as the first slice has made it', () => {
    const window = new DifferenceWindow();
    expect(window.width).toBe(100);
    window.fit(...pair(6));
    window.fit(...pair(45));
    expect(window.width).toBe(40);
  });
});
