/** @jest-environment jsdom */
import { EventEmitter } from 'node:events';
import type { JobState } from '../../src/denoise';
import type { DerivedRegistry } from '../derived/registry';
import type { Services } from '../ohif';
import type { OhifSeries } from '../source';
import type { Run, RunEvent } from './run';
import { Runs } from './runs';

/* Which series computes and which waits, whatever ends in which order. Jobs that obey, and end when told. */

jest.mock('./run', () => ({
  Run: class {
    readonly failed = new Map();
    readonly derived = [];
    readonly displaySets = { source: '', denoised: null, difference: null };
    state: JobState = 'idle';
    constructor(
      readonly source: { name: string },
      _engine: unknown,
      _focus: unknown,
      _guard: unknown,
      private readonly emit: (event: unknown) => void,
    ) {}
    readonly job = {
      start: async () => this.to('loading'),
      pause: () => this.to('paused'),
      resume: () => this.to('running'),
    };
    get snapshot() {
      return { state: this.state };
    }
    to(state: JobState) {
      this.state = state;
      this.emit({ kind: 'job', run: this, event: { kind: 'changed', snapshot: { state } } });
    }
  },
}));
jest.mock('./listing', () => ({ listLive: () => 'uid', unlistLive: () => undefined }));

type Fake = Run & { to(state: JobState): void };

function stage(count: number) {
  const heard = new EventEmitter();
  const runs = new Runs({} as Services, {} as DerivedRegistry, {} as never, (event: RunEvent) =>
    heard.emit('event', event),
  );
  const open = (name: string) => runs.open({ name } as unknown as OhifSeries, {} as never, undefined) as Fake;
  const all = Array.from({ length: count }, (_, n) => open(String.fromCharCode(65 + n)));
  const states = () => all.map(run => (runs.waits(run) ? 'waits' : run.snapshot.state));
  const begin = (run: Fake) => {
    runs.start(run);
    if (run.snapshot.state === 'loading') run.to('running');
  };
  return { runs, all, states, begin };
}

test('the one started last goes first; the others wait behind it, and go on by themselves', () => {
  const { runs, all, states, begin } = stage(3);
  const [a, b, c] = all as [Fake, Fake, Fake];
  for (const run of all) begin(run);
  expect(states()).toEqual(['waits', 'waits', 'running']);
  expect(runs.queued).toEqual([c, b, a]);
  c.to('done');
  expect(states()).toEqual(['waits', 'running', 'done']);
  b.to('failed');
  expect(states()).toEqual(['running', 'failed', 'done']);
  a.to('done');
  expect(runs.queued).toEqual([]);
});

test('one that was still being prepared waits as soon as it could run', () => {
  const { runs, all, states } = stage(2);
  const [a, b] = all as [Fake, Fake];
  runs.start(a);
  runs.start(b);
  b.to('running');
  a.to('running');
  expect(states()).toEqual(['waits', 'running']);
  b.to('done');
  expect(states()).toEqual(['running', 'done']);
});

test('what the user pauses stays paused, and the next one goes on; also of what waits', () => {
  const { runs, all, states, begin } = stage(3);
  const [a, b, c] = all as [Fake, Fake, Fake];
  for (const run of all) begin(run);
  runs.pause(b);
  runs.pause(c);
  expect(states()).toEqual(['running', 'paused', 'paused']);
  a.to('done');
  expect(states()).toEqual(['done', 'paused', 'paused']);
  begin(b);
  expect(states()).toEqual(['done', 'running', 'paused']);
});

test('one that waits can be taken first, cancelled or closed', () => {
  const { runs, all, states, begin } = stage(4);
  const [a, b, c, d] = all as [Fake, Fake, Fake, Fake];
  for (const run of all) begin(run);
  begin(a);
  expect(states()).toEqual(['running', 'waits', 'waits', 'waits']);
  b.to('cancelled');
  runs.takeOut(c);
  a.to('cancelled');
  expect(states()).toEqual(['cancelled', 'cancelled', 'paused', 'running']);
  runs.takeOut(d);
  expect(runs.queued).toEqual([]);
});
