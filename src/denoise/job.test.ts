import { DenoiseError } from '../notices';
import { INFERENCE, record, settled, SIZE, Stage, uid } from './fixtures';
import { DenoiseJob } from './job';
import { IllegalTransition } from './states';

describe('a run', () => {
  test('goes through its states, outward from the middle, and keeps 16-bit results', async () => {
    const stage = new Stage();
    const job = stage.job(5);
    const { states, events } = record(job);
    const end = await job.start();
    expect(states).toEqual([
      'idle',
      'checking',
      'loading',
      'testing',
      'loading',
      'testing',
      'running',
      'done',
    ]);
    expect(stage.computed).toEqual([2, 3, 1, 4, 0]);
    expect(end).toMatchObject({
      state: 'done',
      progress: { done: 5, failed: 0, total: 5, secondsLeft: null },
      reasons: [],
    });
    expect(end.progress.msPerSlice).toBeGreaterThan(0);
    expect(job.result(uid(3))).toEqual({
      sopInstanceUid: uid(3),
      rows: SIZE,
      columns: SIZE,
      hu: new Int16Array(SIZE * SIZE).fill(2),
      provider: 'wasm',
      ms: 1,
      slab: null,
    });
    expect(events.filter(event => event.kind === 'slice')).toHaveLength(5);
    expect(stage.engineListeners).toBe(0);
  });
  test('loads each slice once, the next one during the present one', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(3);
    const end = job.start();
    await settled();
    expect([stage.computed, stage.loaded]).toEqual([[1], [1, 2]]);
    for (let i = 0; i < 3; i++) await stage.release();
    expect((await end).state).toBe('done');
    expect(stage.loaded).toEqual([1, 2, 0]);
  });
  test('waits once, after the first slice is out, for whoever draws it', async () => {
    const stage = new Stage();
    let drawn!: () => void;
    const waits: number[] = [];
    const afterFirst = () => {
      waits.push(stage.computed.length);
      return new Promise<void>(resolve => (drawn = resolve));
    };
    const job = stage.job(4, { afterFirst });
    const ended = job.start();
    await settled();
    expect(job.snapshot.progress.done).toBe(1);
    expect(stage.computed).toHaveLength(1);
    drawn();
    await ended;
    expect(job.snapshot.progress.done).toBe(4);
    expect(waits).toEqual([1]);
  });

  test('follows the focus', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(10, { focus: uid(0) });
    const end = job.start();
    await settled();
    await stage.release();
    job.focus(uid(8));
    for (let i = 0; i < 9; i++) await stage.release();
    await end;
    expect(stage.computed).toEqual([0, 1, 8, 9, 7, 6, 5, 4, 3, 2]);
    expect(() => job.focus('1.9')).toThrow(RangeError);
  });
  test('refuses a series with all reasons, before anything is loaded', async () => {
    const stage = new Stage();
    const series = stage.series(3, { RescaleType: 'US', PixelSpacing: undefined });
    const job = new DenoiseJob({ series, engine: stage.engine });
    const end = await job.start();
    expect(end.state).toBe('failed');
    expect(end.reasons.map(reason => reason.code)).toEqual(['not-hu', 'missing-attribute']);
    expect(stage.loaded).toEqual([]);
  });
  test('warns by the model card of the engine', async () => {
    const stage = new Stage();
    const job = new DenoiseJob({
      series: stage.series(2, { ConvolutionKernel: 'B70f' }),
      engine: stage.engine,
    });
    const { verdict } = await job.start();
    expect(verdict).toMatchObject({
      kind: 'accepted',
      warnings: [{ code: 'kernel-outside-domain', kernel: 'B70f' }],
    });
  });
  test('without keeping results, any length fits: each goes out with its event, and is counted', async () => {
    const job = new Stage().job(5, { memoryBudgetBytes: 1, keepResults: false });
    const out: string[] = [];
    job.subscribe(event => event.kind === 'slice' && out.push(event.slice.sopInstanceUid));
    expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 5, failed: 0 } });
    expect(new Set(out).size).toBe(5);
    expect(out.map(sopInstanceUid => job.result(sopInstanceUid))).toEqual(out.map(() => null));
  });
  test('refuses what does not fit into memory', async () => {
    const job = new Stage().job(1025, { memoryBudgetBytes: 1024 * SIZE * SIZE * 2 });
    expect((await job.start()).reasons).toEqual([
      { kind: 'fault', code: 'memory-budget', neededMiB: 3, allowedMiB: 2 },
    ]);
  });
});

describe('cancel, pause, resume', () => {
  test('cancel keeps the slice in hand, and a new start does the rest', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(4);
    const first = job.start();
    await settled();
    await stage.release();
    job.cancel();
    expect(job.snapshot).toMatchObject({ state: 'cancelled', progress: { done: 1, secondsLeft: null } });
    const second = job.start();
    await settled();
    expect(stage.computed).toEqual([2, 3]);
    await stage.release();
    expect((await first).progress.done).toBe(2);
    for (let i = 0; i < 4; i++) await stage.release();
    expect((await second).state).toBe('done');
    expect(stage.computed).toEqual([2, 3, 1, 0]);
  });
  test('cancel while loading', async () => {
    const stage = new Stage();
    const job = stage.job(4);
    const end = job.start();
    job.cancel();
    expect((await end).state).toBe('cancelled');
    expect(stage.computed).toEqual([]);
    expect((await job.start()).state).toBe('done');
  });
  test('a source that never answers holds up neither cancel nor the next start', async () => {
    const stage = new Stage();
    const series = stage.series(3);
    const signals: AbortSignal[] = [];
    let answers = false;
    const slices = series.slices.map(slice => ({
      ...slice,
      loadHu: (signal?: AbortSignal) => {
        signals.push(signal!);
        return answers ? slice.loadHu(signal) : new Promise<never>(() => undefined);
      },
    }));
    const job = new DenoiseJob({ series: { ...series, slices }, engine: stage.engine });
    const first = job.start();
    await settled();
    job.cancel();
    expect((await first).state).toBe('cancelled');
    expect(signals.map(signal => signal.aborted)).toEqual([true]);
    answers = true;
    expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 3 } });
  });
  test('pause starts no slice but serves a request; resume goes on', async () => {
    const stage = new Stage();
    const job = stage.job(5);
    stage.hold = true;
    const end = job.start();
    await settled();
    job.pause();
    await stage.release();
    expect(stage.computed).toEqual([2]);
    expect(job.snapshot.progress.secondsLeft).toBeNull();
    const wanted = job.request(uid(4));
    await settled();
    await stage.release();
    expect((await wanted).hu[0]).toBe(2);
    expect(stage.computed).toEqual([2, 4]);
    stage.hold = false;
    job.resume();
    expect((await end).state).toBe('done');
    expect([...stage.computed].sort()).toEqual([0, 1, 2, 3, 4]);
  });
  test('illegal events throw and change nothing', async () => {
    const job = new Stage().job(2);
    for (const event of [() => job.pause(), () => job.resume(), () => job.cancel()])
      expect(event).toThrow(IllegalTransition);
    const end = job.start();
    expect(() => job.start()).toThrow(IllegalTransition);
    expect((await end).state).toBe('done');
    expect(() => job.cancel()).toThrow(IllegalTransition);
  });
});

describe('request', () => {
  test('waits for the start, jumps the queue, answers at once when done', async () => {
    const stage = new Stage();
    const job = stage.job(9);
    const early = job.request(uid(0));
    const end = job.start();
    expect((await early).sopInstanceUid).toBe(uid(0));
    await end;
    expect(stage.computed[0]).toBe(0);
    expect(await job.request(uid(5))).toBe(job.result(uid(5)));
    await expect(job.request('1.9')).rejects.toThrow(RangeError);
  });
  test('an aborted request gives its place back', async () => {
    const stage = new Stage();
    const job = stage.job(9);
    const controller = new AbortController();
    const request = job.request(uid(0), controller.signal);
    controller.abort(new Error('scrolled away'));
    await expect(request).rejects.toThrow('scrolled away');
    await job.start();
    expect(stage.computed[0]).toBe(4);
  });
  test('is rejected by cancel, by dispose, and after them', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(9);
    const end = job.start();
    await settled();
    const request = job.request(uid(0));
    job.cancel();
    await expect(request).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    await expect(job.request(uid(1))).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    await stage.release();
    await end;
    const other = new Stage().job(2);
    const waiting = other.request(uid(0));
    other.dispose();
    await expect(waiting).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    expect(() => other.start()).toThrow(DenoiseError);
  });
});

describe('whenDone', () => {
  test('waits for the start and changes no order', async () => {
    const stage = new Stage();
    const job = stage.job(5);
    const last = job.whenDone(uid(0));
    await job.start();
    expect((await last).sopInstanceUid).toBe(uid(0));
    expect(stage.computed).toEqual([2, 3, 1, 4, 0]);
    expect(await job.whenDone(uid(0))).toBe(job.result(uid(0)));
    await expect(job.whenDone('1.9')).rejects.toThrow(RangeError);
  });
  test('keeps waiting when a request for the same slice is withdrawn, which then has no priority', async () => {
    const stage = new Stage();
    const job = stage.job(5);
    const waiting = job.whenDone(uid(0));
    const controller = new AbortController();
    const request = job.request(uid(0), controller.signal);
    controller.abort(new Error('scrolled away'));
    await expect(request).rejects.toThrow('scrolled away');
    await job.start();
    expect((await waiting).sopInstanceUid).toBe(uid(0));
    expect(stage.computed).toEqual([2, 3, 1, 4, 0]);
  });
  test('withdrawn beside a request for the same slice, it leaves the priority of that', async () => {
    const stage = new Stage();
    const job = stage.job(5);
    const controller = new AbortController();
    const waiting = job.whenDone(uid(0), controller.signal);
    const request = job.request(uid(0));
    controller.abort(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
    await job.start();
    expect((await request).sopInstanceUid).toBe(uid(0));
    expect(stage.computed[0]).toBe(0);
  });
  test('rejects when the slice fails, when the job fails, is cancelled or disposed', async () => {
    const stage = new Stage();
    stage.unavailable.add(1);
    const job = stage.job(3);
    const missing = job.whenDone(uid(1));
    await Promise.all([
      expect(missing).rejects.toMatchObject({ notice: { code: 'source-unavailable' } }),
      job.start(),
    ]);
    await expect(job.whenDone(uid(1))).rejects.toMatchObject({ notice: { code: 'source-unavailable' } });

    const failing = new Stage();
    failing.prepareFault = INFERENCE;
    const broken = failing.job(3);
    const never = broken.whenDone(uid(1));
    await Promise.all([
      expect(never).rejects.toMatchObject({ notice: { code: 'inference' } }),
      broken.start(),
    ]);

    for (const end of ['cancel', 'dispose'] as const) {
      const held = new Stage();
      held.hold = true;
      const ended = held.job(3);
      void ended.start();
      await settled();
      const wanted = ended.whenDone(uid(0));
      ended[end]();
      await expect(wanted).rejects.toMatchObject({ notice: { code: 'cancelled' } });
      await expect(ended.whenDone(uid(0))).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    }
  });
});

describe('when something breaks', () => {
  test('one bad slice and one missing slice are told and lose no other; a new start tries them again', async () => {
    const stage = new Stage();
    stage.failing.set(1, { kind: 'fault', code: 'bad-output', what: 'not-finite' });
    stage.unavailable.add(3);
    const job = stage.job(5);
    const { events } = record(job);
    const wanted = job.request(uid(1));
    const end = job.start();
    await expect(wanted).rejects.toMatchObject({ notice: { code: 'bad-output' } });
    expect(await end).toMatchObject({ state: 'done', progress: { done: 3, failed: 2 } });
    const failed = events.flatMap(event =>
      event.kind === 'slice-failed' ? [[event.sopInstanceUid, event.fault.code]] : [],
    );
    expect(failed.sort()).toEqual([
      [uid(1), 'bad-output'],
      [uid(3), 'source-unavailable'],
    ]);
    await expect(job.request(uid(3))).rejects.toMatchObject({
      notice: { code: 'source-unavailable', detail: '404' },
    });
    stage.failing.clear();
    stage.unavailable.clear();
    expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 5, failed: 0 } });
    expect(stage.computed.filter(n => n === 2)).toHaveLength(1);
  });
  test('an engine that fails slice after slice ends the run; what is done stays', async () => {
    const stage = new Stage();
    for (const n of [6, 4, 7, 3]) stage.failing.set(n, INFERENCE);
    const job = stage.job(10);
    const end = await job.start();
    expect(end).toMatchObject({
      state: 'failed',
      progress: { done: 1, failed: 3 },
      reasons: [{ code: 'inference' }],
    });
    expect(job.result(uid(5))).not.toBeNull();
    stage.failing.clear();
    expect(await job.start()).toMatchObject({ state: 'done', progress: { done: 10 } });
  });
  test('a model that cannot be had fails the run and its requests; it can be started again', async () => {
    const stage = new Stage();
    stage.prepareFault = { kind: 'fault', code: 'model-download', url: 'https://host/m.onnx', status: 503 };
    const job = stage.job(3);
    const request = job.request(uid(1));
    const end = job.start();
    await expect(request).rejects.toMatchObject({ notice: { code: 'model-download' } });
    expect(await end).toMatchObject({ state: 'failed', reasons: [{ code: 'model-download', status: 503 }] });
    stage.prepareFault = null;
    expect((await job.start()).state).toBe('done');
  });
  test('a repair of the engine is passed on', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(2);
    const { events } = record(job);
    const end = job.start();
    await settled();
    stage.emit({ kind: 'restarting', fault: INFERENCE, next: 'wasm' });
    expect(events.at(-1)).toEqual({ kind: 'engine-restarting', fault: INFERENCE, next: 'wasm' });
    await stage.release();
    await stage.release();
    expect((await end).state).toBe('done');
  });
  test('dispose in the middle: no more events, no results kept', async () => {
    const stage = new Stage();
    stage.hold = true;
    const job = stage.job(3);
    const { events } = record(job);
    const end = job.start();
    await settled();
    job.dispose();
    const seen = events.length;
    await stage.release();
    await end;
    expect(events.length).toBe(seen);
    expect(job.result(uid(1))).toBeNull();
    expect(stage.computed).toEqual([1]);
    expect(stage.engineListeners).toBe(0);
  });
});
