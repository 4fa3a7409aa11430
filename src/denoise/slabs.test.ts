/** @jest-environment ./test/node-environment.cjs */
import fc from 'fast-check';
import { mixCard } from '../engine/fixtures';
import { DenoiseError } from '../notices';
import { record, settled, Stage, uid } from './fixtures';
import { DenoiseJob } from './job';
import type { DenoiseJobOptions } from './types';

/* The job with a model of 5 slices in and 3 out, on a stand-in engine that shows which neighbours it was given. */

const slabStage = () => new Stage(mixCard());
/** What slice i of an uninterrupted series must become. */
const expected = (i: number, count: number) => {
  const at = (j: number) => Math.min(count - 1, Math.max(0, j));
  return 3 * at(i - 1) + 12 * i + 5 * at(i + 1);
};
const results = (job: DenoiseJob, count: number) =>
  Array.from({ length: count }, (_, i) => job.result(uid(i))?.hu[0] ?? null);
const wanted = (count: number) => Array.from({ length: count }, (_, i) => expected(i, count));

test('of every length from 1 to 200: the slab of the focus first, every slice once, with its neighbours', async () => {
  for (let count = 1; count <= 200; count++) {
    const stage = slabStage();
    const focus = ((count * 31) % (count + 7)) % count;
    const job = stage.job(count, { focus: uid(focus) });
    const { events } = record(job);
    await job.start();
    expect(stage.computed.slice(0, 3)).toContain(focus);
    const out = events.flatMap(event => (event.kind === 'slice' ? [event.slice.sopInstanceUid] : []));
    expect(out.length).toBe(count);
    expect(results(job, count)).toEqual(wanted(count));
    job.dispose();
  }
});

type Step =
  { kind: 'focus' | 'request'; at: number } | { kind: 'release' | 'pause' | 'resume' | 'cancel' | 'start' };

test('whatever is scrolled, asked for, paused, cancelled and resumed: the same pixels, each slab computed once', async () => {
  const scenario = fc.integer({ min: 1, max: 40 }).chain(count => {
    const at = fc.integer({ min: 0, max: count - 1 });
    return fc.record({
      count: fc.constant(count),
      focus: at,
      computeAhead: fc.boolean(),
      steps: fc.array(
        fc.oneof<fc.Arbitrary<Step>[]>(
          fc.record({ kind: fc.constantFrom('focus' as const, 'request' as const), at }),
          fc.record({ kind: fc.constant('release' as const) }),
          fc.record({
            kind: fc.constantFrom('pause' as const, 'resume' as const, 'cancel' as const, 'start' as const),
          }),
        ),
        { maxLength: 25 },
      ),
    });
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ count, focus, computeAhead, steps }) => {
      const stage = slabStage();
      stage.hold = true;
      const job = stage.job(count, { focus: uid(focus), computeAhead });
      const asked: Promise<unknown>[] = [];
      void job.start();
      for (const step of steps) {
        const { state } = job.snapshot;
        if (step.kind === 'focus') job.focus(uid(step.at));
        else if (step.kind === 'request')
          asked.push(job.request(uid(step.at)).catch((error: unknown) => error));
        else if (step.kind === 'release') await stage.release();
        else if (step.kind === 'pause' && state === 'running') job.pause();
        else if (step.kind === 'resume' && state === 'paused') job.resume();
        else if (step.kind === 'cancel' && ['running', 'paused'].includes(state)) job.cancel();
        else if (step.kind === 'start' && ['cancelled', 'done'].includes(state)) void job.start();
      }
      stage.hold = false;
      for (let i = 0; i < 5; i++) await stage.release();
      if (job.snapshot.state === 'paused') job.resume();
      if (['cancelled', 'done'].includes(job.snapshot.state)) await job.start();
      else while (job.snapshot.state !== 'done') await settled();
      expect(results(job, count)).toEqual(wanted(count));
      expect([...stage.computed].sort((a, b) => a - b)).toEqual(
        [...new Set(stage.computed)].sort((a, b) => a - b),
      );
      for (const answer of await Promise.all(asked))
        if (answer instanceof Error) expect(answer).toBeInstanceOf(DenoiseError);
    }),
    { numRuns: 60 },
  );
});

test('a batch names each slab but the first to the engine before it asks for it; a viewer none', async () => {
  const batch = slabStage();
  batch.hold = true;
  const job = batch.job(12, { focus: uid(0), computeAhead: true });
  const end = job.start();
  for (let slab = 0; slab < 4; slab++) {
    await settled();
    await batch.release();
  }
  await end;
  expect(results(job, 12)).toEqual(wanted(12));
  expect([batch.hinted.length, batch.hintsTaken]).toEqual([3, 3]);
  const viewer = slabStage();
  await viewer.job(12).start();
  expect(viewer.hinted).toEqual([]);
});

test('asking for a slice of the slab in work waits for that slab', async () => {
  const stage = slabStage();
  stage.hold = true;
  const job = stage.job(12, { focus: uid(4) });
  const end = job.start();
  await settled();
  expect(stage.computed).toEqual([3, 4, 5]);
  const asked = job.request(uid(5));
  const later = job.request(uid(10));
  await stage.release();
  expect((await asked).hu[0]).toBe(expected(5, 12));
  expect(stage.computed).toEqual([3, 4, 5, 9, 10, 11]);
  stage.hold = false;
  await stage.release();
  expect((await later).hu[0]).toBe(expected(10, 12));
  await end;
});

test('outward from the middle each slice is read from the source once, the neighbours of the next slab ahead', async () => {
  const stage = slabStage();
  stage.hold = true;
  const job = stage.job(60);
  const end = job.start();
  await settled();
  expect(stage.loaded).toEqual([29, 30, 31, 32, 33, 34, 35, 36]);
  stage.hold = false;
  await stage.release();
  await end;
  expect([...stage.loaded].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
});

test('a result says what the model read for it', async () => {
  const job = slabStage().job(4);
  await job.start();
  const inputs = (at: number[]) => at.map(uid);
  expect(job.result(uid(1))!.slab).toEqual({ inputs: inputs([0, 0, 1, 2, 3]), output: 1 });
  expect(job.result(uid(3))!.slab).toEqual({ inputs: inputs([2, 3, 3, 3, 3]), output: 0 });
});

test('no slab reaches across a gap, and the verdict says so', async () => {
  const stage = slabStage();
  const at = (i: number) => ({ ImagePositionPatient: [0, 0, i < 5 ? i : i + 40] });
  const job = new DenoiseJob({ series: stage.series(9, at), engine: stage.engine });
  const { verdict } = await job.start();
  expect(verdict).toMatchObject({
    warnings: [
      { code: 'slices-missing', gaps: 1 },
      { code: 'slices-interrupted', parts: 2 },
    ],
  });
  expect(job.result(uid(4))!.hu[0]).toBe(3 * 3 + 12 * 4 + 5 * 4);
  expect(job.result(uid(5))!.hu[0]).toBe(3 * 5 + 12 * 5 + 5 * 6);
});

test('spacing beyond what the card takes: the series is refused where the card says so', async () => {
  const card = mixCard();
  const stage = new Stage({ ...card, slab: { ...card.slab!, spacingMm: [0.5, 3], beyondSpacing: 'refuse' } });
  expect((await stage.job(6).start()).reasons).toMatchObject([
    { code: 'spacing-outside-model', spacingMm: 5 },
  ]);
});

test('a slice that cannot be read costs the slabs that read it, each slice by name; the rest is done', async () => {
  const stage = slabStage();
  stage.unavailable.add(5);
  const job = stage.job(12);
  const { events } = record(job);
  expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 6, failed: 6 } });
  const failed = events.flatMap(event =>
    event.kind === 'slice-failed'
      ? [
          [
            event.sopInstanceUid,
            event.fault.code,
            (event.fault as { sopInstanceUid?: string }).sopInstanceUid,
          ],
        ]
      : [],
  );
  expect(failed.sort()).toEqual([
    [uid(3), 'neighbour-unavailable', uid(5)],
    [uid(4), 'neighbour-unavailable', uid(5)],
    [uid(5), 'source-unavailable', uid(5)],
    [uid(6), 'neighbour-unavailable', uid(5)],
    [uid(7), 'neighbour-unavailable', uid(5)],
    [uid(8), 'neighbour-unavailable', uid(5)],
  ]);
  stage.unavailable.clear();
  expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 12, failed: 0 } });
  expect(results(job, 12)).toEqual(wanted(12));
});

test('some slices only: their slabs alone are computed, from the same neighbours, and nothing else comes out', async () => {
  const stage = slabStage();
  const only: DenoiseJobOptions['only'] = [uid(4), uid(10)];
  const job = stage.job(12, { only });
  const { events } = record(job);
  const early = job.request(uid(4));
  expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 2, total: 2 } });
  expect((await early).hu[0]).toBe(expected(4, 12));
  expect(events.filter(event => event.kind === 'slice')).toHaveLength(2);
  expect([...stage.computed].sort((a, b) => a - b)).toEqual([3, 4, 5, 9, 10, 11]);
  await expect(job.request(uid(3))).rejects.toThrow(RangeError);
});
