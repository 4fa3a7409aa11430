/** @jest-environment ./test/node-environment.cjs */
import { engineOf, phantom } from '../../src/guard/fixtures';
import type { Engine, EngineInput, ModelCard } from '../../src/engine';
import { guardSettings, RunGuard } from './guard';

const slices = phantom(3, 10);
const never = new AbortController().signal;

function guardOf(network: (input: EngineInput) => Float32Array, busy = () => false, choice = {}) {
  const runs = engineOf(network);
  const engine = { ...runs, denoiseSlab: runs.denoiseSlab, card: async () => ({}) as ModelCard };
  const states: string[] = [];
  const guard: RunGuard = new RunGuard(slices, engine as unknown as Engine, guardSettings(choice), busy, () =>
    states.push(guard.state.kind),
  );
  return { guard, runs, states };
}

beforeAll(() => {
  // The page is idle at once.
  Object.assign(globalThis, { window: { requestIdleCallback: (done: () => void) => setTimeout(done) } });
});

const same = ({ hu }: EngineInput) => hu.slice();
const shifted = ({ hu }: EngineInput) => hu.map(value => value + 5);

test('measures once, and gives figures for each strength', async () => {
  const { guard, runs, states } = guardOf(same);
  expect(guard.report(1)).toBeNull();
  expect(() => guard.strengthFor({ noiseHu: 12 })).toThrow('not-measured');
  await Promise.all([guard.begin(), guard.begin()]);
  await guard.allow(0.5, never);
  expect(states).toEqual(['measuring', 'measured']);
  expect(runs.runs).toBe(9);
  expect(guard.strengthFor({ detectability: 0.95 })).toBe(1);
  expect(guard.strengthFor({ noiseHu: 1000 })).toBe(0);
  expect(guard.report(0.5)).toMatchObject({ strength: 0.5, level: 'green', findings: [] });
});

test('what it finds is not saved, at the strength at which it is too much', async () => {
  const { guard } = guardOf(shifted);
  await expect(guard.allow(1, never)).rejects.toMatchObject({
    notice: { code: 'guard-tissue', changeHu: 5 },
  });
  await expect(guard.allow(0.5, never)).resolves.toBeUndefined();
  const warned = guardOf(shifted, () => false, { mode: 'warn' });
  await expect(warned.guard.allow(1, never)).resolves.toBeUndefined();
  expect(warned.guard.report(1)!.findings).toHaveLength(2);
  const allowed = guardOf(shifted, () => false, { tissueHu: 6, boneHu: 6, blockHu: 6 });
  await expect(allowed.guard.allow(1, never)).resolves.toBeUndefined();
});

test('no inference while a series computes; a save does not wait for it', async () => {
  let busy = true;
  const { guard, runs } = guardOf(same, () => busy);
  void guard.begin();
  await new Promise(resolve => setTimeout(resolve, 700));
  expect(runs.runs).toBe(0);
  await guard.allow(1, never);
  expect(runs.runs).toBe(9);
  busy = false;
});

test('a cancelled save ends its wait; a closed run measures no more', async () => {
  const { guard, runs, states } = guardOf(same, () => true);
  const stop = new AbortController();
  const allowed = guard.allow(1, stop.signal);
  stop.abort(new Error('cancelled'));
  await expect(allowed).rejects.toThrow('cancelled');
  guard.dispose();
  await new Promise(resolve => setTimeout(resolve, 100));
  expect(runs.runs).toBeLessThan(9);
  expect(states).toEqual(['measuring']);
});

test('what could not be measured is not fine', async () => {
  const { guard } = guardOf(() => {
    throw new Error('broken');
  });
  await expect(guard.allow(1, never)).rejects.toMatchObject({ notice: { code: 'internal' } });
  expect(guard.state.kind).toBe('failed');
});

test.each([{ amber: '0.9' }, { ambre: 0.9 }, { mode: 'off' }, { stop: -1 }])(
  'limits that are none: %j',
  choice => {
    expect(() => guardSettings(choice as never)).toThrow(RangeError);
  },
);
