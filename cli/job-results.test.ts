import { settled, Stage } from '../src/denoise/fixtures';
import { JobResults } from './job-results';

const COUNT = 40;
const waitFor = async (condition: () => boolean) => {
  for (let turn = 0; turn < 10_000 && !condition(); turn++) await settled();
  expect(condition()).toBe(true);
};

test('the job pauses while too many results wait, and goes on as they are taken', async () => {
  const job = new Stage().job(COUNT, { keepResults: false });
  const taken: string[] = [];
  const results = new JobResults(job, ({ sopInstanceUid }) => taken.push(sopInstanceUid));
  const run = results.run(new AbortController().signal);
  await waitFor(() => job.snapshot.state === 'paused');
  expect(job.snapshot.progress.done).toBeLessThan(20);
  const given: string[] = [];
  for await (const { sopInstanceUid } of results) {
    // One result is given out at a time; those before it were done with.
    expect(taken).toEqual(given);
    given.push(sopInstanceUid);
  }
  expect(await run).toBeNull();
  expect(new Set(given).size).toBe(COUNT);
});

test('nobody takes results any more: the job is cancelled', async () => {
  const stage = new Stage();
  const job = stage.job(COUNT, { keepResults: false });
  const results = new JobResults(job, () => undefined);
  const run = results.run(new AbortController().signal);
  for await (const { hu } of results) {
    expect(hu.length).toBeGreaterThan(0);
    break;
  }
  expect(await run).toEqual({ kind: 'fault', code: 'cancelled' });
  expect(job.snapshot.state).toBe('cancelled');
  expect(stage.computed.length).toBeLessThan(COUNT);
});

test('interrupted: the job is cancelled, and what is done can still be taken', async () => {
  const job = new Stage().job(COUNT, { keepResults: false });
  const results = new JobResults(job, () => undefined);
  const controller = new AbortController();
  const run = results.run(controller.signal);
  await waitFor(() => job.snapshot.state === 'paused');
  controller.abort();
  expect(await run).toEqual({ kind: 'fault', code: 'cancelled' });
  let given = 0;
  for await (const result of results) given += Number(result.rows > 0);
  expect(given).toBe(job.snapshot.progress.done);
  expect(given).toBeGreaterThan(0);
});

test('interrupted before the start: nothing is computed', async () => {
  const stage = new Stage();
  const results = new JobResults(stage.job(3), () => undefined);
  expect(await results.run(AbortSignal.abort())).toEqual({ kind: 'fault', code: 'cancelled' });
  expect(stage.computed).toEqual([]);
});

test('a fault of the engine is what stopped it', async () => {
  const stage = new Stage();
  stage.prepareFault = { kind: 'fault', code: 'no-provider' };
  const results = new JobResults(stage.job(3), () => undefined);
  expect(await results.run(new AbortController().signal)).toMatchObject({ code: 'no-provider' });
});
