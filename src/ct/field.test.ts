import { ctInstance } from './fixtures';
import { judgeField, sliceFromStored, type CtSlice, type ModelDomain, type SliceHu } from './index';

const domain: ModelDomain = {
  kernels: ['soft'],
  sliceThicknessMm: [0.5, 6],
  doseFraction: [0.1, 1],
  bodyParts: ['CHEST', 'ABDOMEN', 'PELVIS'],
  ageYears: [18, 100],
  kVp: [80, 140],
};

/** HU at x and y, mm from the middle of the field. */
type Anatomy = (x: number, y: number) => number;

const within = (x: number, y: number, wide: number, high: number) =>
  (x / (wide / 2)) ** 2 + (y / (high / 2)) ** 2 <= 1;

/** Noise of 20 HU and more, on 256 x 256 pixels. */
function slice(anatomy: Anatomy, mm: number, changes: Record<string, unknown> = {}): SliceHu {
  const size = 256;
  const stored = Int16Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [(i % size) - size / 2, Math.floor(i / size) - size / 2].map(n => n * mm) as [
      number,
      number,
    ];
    const hu = anatomy(x, y);
    return hu <= -2000 ? hu : hu + ((i * 7919) % 61) - 30;
  });
  const format = { BitsStored: 16, HighBit: 15, PixelRepresentation: 1, RescaleIntercept: 0 };
  return sliceFromStored(
    stored,
    ctInstance({ ...format, Rows: size, Columns: size, PixelSpacing: [mm, mm], ...changes }),
  );
}

async function found(anatomy: Anatomy, mm = 1.4, model = domain): Promise<string[]> {
  const hu = slice(anatomy, mm);
  const instance = ctInstance({ PixelSpacing: [mm, mm] });
  const slices: CtSlice[] = Array.from({ length: 8 }, () => ({
    instance,
    loadHu: () => Promise.resolve(hu),
  }));
  return (await judgeField(slices, model)).map(({ code }) => code);
}

const trunk =
  (wide: number, high: number): Anatomy =>
  (x, y) =>
    within(x, y, wide, high) ? (within(x, y - 20, 30, 30) ? 600 : 40) : -1000;
const table =
  (body: Anatomy): Anatomy =>
  (x, y) =>
    y > 140 && y < 146 && Math.abs(x) < 200 ? 100 : body(x, y);
const chest: Anatomy = (x, y) =>
  within(x, y, 320, 220) && (within(x - 75, y, 110, 160) || within(x + 75, y, 110, 160))
    ? -850
    : trunk(320, 220)(x, y);
const ribs: Anatomy = (x, y) =>
  within(x, y, 300, 200) && !within(x, y, 280, 180) && Math.floor(Math.atan2(y, x) * 8) % 3 === 0
    ? 500
    : chest(x, y);
const head =
  (wide: number, high: number): Anatomy =>
  (x, y) =>
    !within(x, y, wide, high)
      ? -1000
      : within(x, y, wide - 10, high - 10) && !within(x, y, wide - 26, high - 26)
        ? 900
        : 35;
const cut =
  (body: Anatomy, diameter: number): Anatomy =>
  (x, y) =>
    within(x, y, diameter, diameter) ? body(x, y) : -2000;
const noPadding =
  (body: Anatomy): Anatomy =>
  (x, y) =>
    Math.max(-1000, body(x, y));

describe('the image itself is judged', () => {
  test.each<[string, Anatomy, number, string[]]>([
    ['an adult abdomen', trunk(330, 230), 1.4, []],
    ['a thin adult on a table', table(trunk(280, 190)), 1.4, []],
    ['an adult chest', chest, 1.4, []],
    ['an adult chest with ribs, on a table', table(ribs), 1.6, []],
    ['a large adult, cut off at both sides', cut(trunk(420, 300), 350), 1.4, []],
    ['a head', head(150, 190), 1, ['head-outside-domain']],
    ['a head in a field for a trunk, on a table', table(head(150, 190)), 1.6, ['head-outside-domain']],
    ['a head of a child', head(120, 150), 0.8, ['head-outside-domain']],
    ['a head, padded around the field', cut(head(150, 190), 240), 1, ['head-outside-domain']],
    ['a child’s abdomen', trunk(200, 150), 1.2, ['small-body-outside-domain']],
    ['a baby in a large field', table(trunk(120, 100)), 1.6, ['small-body-outside-domain']],
    ['a neck', trunk(140, 120), 0.9, ['small-body-outside-domain']],
    [
      'a knee',
      (x, y) => (within(x, y, 130, 130) ? (within(x, y, 60, 50) ? 400 : 40) : -1000),
      0.7,
      ['small-body-outside-domain'],
    ],
    ['a cone beam’s field in a head', cut(head(190, 220), 150), 0.6, ['cut-off-outside-domain']],
    [
      'a cone beam’s field in an abdomen, air around it',
      noPadding(cut(trunk(330, 230), 180)),
      0.7,
      ['small-body-outside-domain'],
    ],
    ['a field around a heart', trunk(320, 220), 0.4, ['cut-off-outside-domain']],
    ['a field in the lungs', (x, y) => (within(x, y, 60, 60) ? 40 : -850), 0.4, ['cut-off-outside-domain']],
    ['nothing but air', () => -1000, 1.4, []],
  ])('%s', async (_name, anatomy, mm, codes) => {
    expect(await found(anatomy, mm)).toEqual(codes);
  });
  test('a head is no deviation for a model of heads', async () => {
    expect(await found(head(150, 190), 1, { ...domain, bodyParts: ['HEAD'] })).toEqual([]);
  });
  test('slices that cannot be read are left out; the majority of the others tells', async () => {
    const instance = ctInstance({ PixelSpacing: [1.4, 1.4] });
    const [adult, small] = [slice(trunk(330, 230), 1.4), slice(trunk(120, 100), 1.4)];
    const of = (load: () => Promise<SliceHu>): CtSlice => ({ instance, loadHu: load });
    const broken = of(() => Promise.reject(new Error('gone')));
    const series = (...slices: CtSlice[]) => judgeField([...slices], domain);
    const [a, s] = [of(() => Promise.resolve(adult)), of(() => Promise.resolve(small))];
    expect(await series(a, a, s, a)).toEqual([]);
    expect(await series(a, s, broken, s)).toMatchObject([{ code: 'small-body-outside-domain' }]);
    expect(await series(broken, broken)).toEqual([]);
    expect(await series(s)).toMatchObject([{ code: 'small-body-outside-domain', diameterMm: 109 }]);
  });
});
