/** @jest-environment ./test/node-environment.cjs */
import type { EngineInput } from '../engine';
import { engineOf, phantom, SIZE } from './fixtures';
import {
  DEFAULT_THRESHOLDS,
  guardFigures,
  measureGuard,
  noiseAt,
  strengthForDetectability,
  strengthForNoise,
} from '.';
import { renderBall } from './ball';

/** Mean of the nine pixels that lie two apart. */
function blur({ hu, rows, columns }: EngineInput): Float32Array {
  return hu.map((own, i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    if (y < 2 || x < 2 || y >= rows - 2 || x >= columns - 2) return own;
    let sum = 0;
    for (let dy = -2; dy <= 2; dy += 2) for (let dx = -2; dx <= 2; dx += 2) sum += hu[i + dy * columns + dx]!;
    return sum / 9;
  });
}
const mixed = (input: EngineInput, share: number) =>
  blur(input).map((value, i) => (1 - share) * input.hu[i]! + share * value);
const SLAB = { inputs: 5, outputs: 3, spacingMm: [0.5, 6], beyondSpacing: 'warn' } as const;

test('a network that changes nothing keeps everything, at three inferences a slice', async () => {
  const engine = engineOf(({ hu }) => hu.slice());
  const measured = await measureGuard({ slices: phantom(3, 15), engine, slab: null });
  expect(measured.looks).toHaveLength(3);
  expect([measured.inferences, engine.runs]).toEqual([9, 9]);
  const { lesions, level, keepingStrength } = guardFigures(measured, 1);
  expect(lesions.map(({ lesion }) => `${lesion.diameterMm} ${lesion.contrastHu}`)).toEqual([
    '5 20',
    '10 20',
    '5 60',
    '10 60',
  ]);
  for (const { contrast, detectability, places } of lesions) {
    expect(places).toBeGreaterThanOrEqual(5);
    expect(contrast.mean).toBeCloseTo(1, 4);
    expect(contrast.sd).toBeLessThan(1e-4);
    expect(detectability).toBeCloseTo(1, 6);
  }
  expect([level, keepingStrength]).toEqual(['green', 1]);
  expect(Math.sqrt(measured.noise!.variance.before)).toBeCloseTo(15, 0);
  expect(measured.change.tissues.every(({ meanChangeHu }) => meanChangeHu === 0)).toBe(true);
});

test('contrast at a strength is 1 - s (1 - kept), and the strength that keeps 0.9 follows from one pass', async () => {
  const erasing = await measureGuard({
    slices: phantom(3, 10),
    engine: engineOf(i => mixed(i, 1)),
    slab: null,
  });
  const full = guardFigures(erasing, 1);
  const kept = full.lesions[0]!.contrast.mean;
  expect(kept).toBeLessThan(0.95);
  for (const strength of [0, 0.6]) {
    const { lesions } = guardFigures(erasing, strength);
    expect(lesions[0]!.contrast.mean).toBeCloseTo(1 - strength * (1 - kept), 9);
    // Another pass of the blended network agrees.
    const engine = engineOf(input => mixed(input, strength));
    const own = guardFigures(await measureGuard({ slices: phantom(3, 10), engine, slab: null }), 1);
    for (const [i, lesion] of own.lesions.entries()) {
      expect(lesions[i]!.contrast.mean).toBeCloseTo(lesion.contrast.mean, 3);
      expect(lesions[i]!.detectability).toBeCloseTo(lesion.detectability!, 3);
    }
  }
  const { variance } = erasing.noise!;
  const wantedHu = noiseAt(variance, 0.4);
  expect(strengthForNoise(variance, wantedHu + 1e-6)).toBe(0.4);
  expect([strengthForNoise(variance, 0), strengthForNoise(variance, 1000)]).toEqual([1, 0]);
  const seen = Math.min(...guardFigures(erasing, 0.7).lesions.map(({ detectability }) => detectability!));
  expect(strengthForDetectability(erasing, seen - 1e-9)).toBeGreaterThanOrEqual(0.7);
  const { keepingStrength } = guardFigures(erasing, 1, {
    ...DEFAULT_THRESHOLDS,
    amber: kept + 0.5 * (1 - kept),
  });
  expect(keepingStrength).toBeGreaterThan(0.3);
  expect(keepingStrength).toBeLessThanOrEqual(0.5);
});

test('a network that takes away what is darker alone is told by the darker lesions', async () => {
  const engine = engineOf(({ hu }) => hu.map(value => (value > -500 && value < 60 ? 60 : value)));
  const { lesions, level } = guardFigures(
    await measureGuard({ slices: phantom(3, 0), engine, slab: null }),
    1,
  );
  expect(lesions[0]!.lighter.mean).toBeCloseTo(1, 2);
  expect(lesions[0]!.darker.mean).toBeCloseTo(0, 2);
  expect(level).toBe('red');
});

test('a slab model sees the ball in every slice it touches, and noise is read in all slices it gives', async () => {
  const seen: number[][] = [];
  const engine = engineOf(({ hu }) => hu.slice());
  const spied = {
    denoiseSlab: (inputs: readonly EngineInput[]) => (
      seen.push(inputs.map(({ hu }) => hu.reduce((sum, value) => sum + value, 0))),
      engine.denoiseSlab(inputs)
    ),
  };
  const measured = await measureGuard({ slices: phantom(12, 0), engine: spied, slab: SLAB });
  const [base, lighter, darker] = seen as [number[], number[], number[]];
  const added = lighter.map((sum, i) => sum - base[i]!);
  // Balls of 10 mm reach the slices 5 mm away, and none further.
  expect(added.map(sum => Math.sign(Math.round(sum)))).toEqual([0, 1, 1, 1, 0]);
  expect(added[1]).toBeLessThan(added[2]! / 2);
  darker.forEach((sum, i) => expect(base[i]! - sum).toBeCloseTo(added[i]!, -2));
  expect(new Set(measured.noise!.regions.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(
    3 * measured.looks.length,
  );
});

test.each([
  ['air', () => -1000],
  ['lung', () => -850],
  ['stripes', (_row: number, column: number) => (column % 24 < 12 ? 20 : 120)],
])('no uniform soft tissue: %s is said, and what changes is measured all the same', async (_what, paint) => {
  const engine = engineOf(({ hu }) => hu.map(value => value + 3));
  const measured = await measureGuard({ slices: phantom(3, 10, paint), engine, slab: null });
  expect(measured.lesions).toEqual([]);
  expect(measured.inferences).toBe(3);
  expect(measured.looks).toHaveLength(3);
  const { level } = guardFigures(measured, 1);
  expect(level).toBeNull();
  const { tissues, block } = measured.change;
  expect(block.meanChangeHu).toBeCloseTo(3, 1);
  for (const { meanChangeHu } of tissues) expect(meanChangeHu).toBeCloseTo(3, 1);
});

test('stops at the signal before the next inference', async () => {
  const stop = new AbortController();
  const engine = engineOf(({ hu }) => (stop.abort(new Error('closed')), hu.slice()));
  const measuring = measureGuard({ slices: phantom(3, 10), engine, slab: null, signal: stop.signal });
  await expect(measuring).rejects.toThrow('closed');
  expect(engine.runs).toBe(1);
});

test('a ball holds its volume over the slices, whatever their thickness', () => {
  const volume = (4 / 3) * Math.PI * 5 ** 3;
  for (const [gap, thickness] of [
    [1, 1],
    [5, 5],
    [2, 4],
  ] as const) {
    const ball = renderBall(10, 0.7, gap, thickness);
    let sum = 0;
    for (let k = -20; k <= 20; k++) sum += ball.slice(k)?.reduce((a, b) => a + b, 0) ?? 0;
    expect(sum * 0.7 ** 2 * gap).toBeCloseTo(volume, -1);
  }
  expect(SIZE).toBeGreaterThan(2 * renderBall(10, 0.7, 5, 5).half);
});
