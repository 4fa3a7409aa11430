import { type CtSlice, judgeSeries, type SliceHu, type Verdict } from '../ct';
import type { Engine, EngineEvent, EngineInfo, PrepareProgress } from '../engine';
import { DenoiseError, type Fault, type Refusal } from '../notices';
import { SliceOrder } from './order';
import { Pace } from './pace';
import { ReadAhead } from './read-ahead';
import { reasonsOf, SeriesRefused, sourceFault } from './reasons';
import { type JobTrigger, nextState } from './states';
import { toInt16 } from './strength';
import type {
  DenoisedSlice,
  DenoiseJobHandle,
  DenoiseJobOptions,
  JobEvent,
  JobProgress,
  JobSnapshot,
  JobState,
} from './types';

const MIB = 1 << 20;
const DEFAULT_BUDGET = 1024 * MIB;
/** An engine that fails so many slices in a row, each after its own retries, will fail the rest too. */
const MAX_ENGINE_FAILURES_IN_A_ROW = 3;
/** Faults of the engine as a whole: no slice can be done. */
const ENGINE_UNUSABLE: readonly Fault['code'][] = [
  'model-download',
  'model-hash',
  'model-manifest',
  'no-provider',
  'runtime-load',
  'self-test',
];

interface Waiter {
  /** It wants the slice before all others. */
  readonly urgent: boolean;
  resolve(slice: DenoisedSlice): void;
  reject(error: unknown): void;
}

/** See DenoiseJobHandle. One loop takes slices one by one; everything else only changes what the loop will take next. */
export class DenoiseJob implements DenoiseJobHandle {
  readonly #engine: Engine;
  readonly #slices: readonly CtSlice[];
  readonly #budget: number;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #keepResults: boolean;
  #afterFirst: (() => Promise<void>) | undefined;
  readonly #results = new Map<number, DenoisedSlice>();
  #done = 0;
  readonly #failures = new Map<number, Fault>();
  readonly #waiters = new Map<number, Set<Waiter>>();
  readonly #listeners = new Set<(event: JobEvent) => void>();
  readonly #order: SliceOrder;
  readonly #source: ReadAhead;
  #pace = new Pace();
  #state: JobState = 'idle';
  #verdict: Verdict | null = null;
  #preparing: PrepareProgress | null = null;
  #reasons: readonly (Fault | Refusal)[] = [];
  #snapshot: JobSnapshot;
  /** Ends the run in hand; a new one for each `start`. */
  #run = new AbortController();
  #ended: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | null = null;
  #engineFailures = 0;
  #disposed = false;

  constructor({
    series,
    engine,
    memoryBudgetBytes = DEFAULT_BUDGET,
    keepResults = true,
    focus,
    afterFirst,
  }: DenoiseJobOptions) {
    this.#engine = engine;
    this.#afterFirst = afterFirst;
    this.#keepResults = keepResults;
    this.#slices = series.slices;
    this.#source = new ReadAhead(series.slices);
    this.#budget = memoryBudgetBytes;
    this.#indexOf = new Map(series.slices.map((slice, index) => [slice.instance.SOPInstanceUID, index]));
    const start = focus === undefined ? series.slices.length >> 1 : this.#index(focus);
    this.#order = new SliceOrder(series.slices.length, start);
    this.#snapshot = this.#takeSnapshot();
  }

  get snapshot(): JobSnapshot {
    return this.#snapshot;
  }

  start(): Promise<JobSnapshot> {
    if (this.#disposed)
      throw new DenoiseError({ kind: 'fault', code: 'cancelled', detail: 'the job was disposed' });
    // Before anything else, so that an illegal start changes nothing.
    const state = nextState(this.#state, 'start');
    const run = new AbortController();
    const before = this.#ended;
    this.#run = run;
    this.#reasons = [];
    this.#engineFailures = 0;
    this.#pace = new Pace();
    for (const index of this.#failures.keys()) this.#order.putBack(index);
    this.#failures.clear();
    this.#set(state);
    const unsubscribe = this.#engine.subscribe(event => this.#onEngine(event));
    const ended = (async () => {
      try {
        // The slice in hand of a cancelled run still arrives; it must not be taken twice.
        await before;
        await this.#check(run.signal);
        await this.#prepare(run.signal);
        await this.#work(run.signal);
      } catch (error) {
        if (!run.signal.aborted) this.#fail(reasonsOf(error));
      } finally {
        unsubscribe();
      }
      return this.#snapshot;
    })();
    this.#ended = ended;
    return ended;
  }

  cancel(): void {
    const state = nextState(this.#state, 'cancel');
    const reason = new DenoiseError({ kind: 'fault', code: 'cancelled' });
    this.#run.abort(reason);
    this.#source.stop(reason);
    this.#preparing = null;
    this.#set(state);
    this.#rejectAll(reason);
    this.#wakeUp();
  }

  pause(): void {
    this.#fire('pause');
  }

  resume(): void {
    this.#fire('resume');
    this.#wakeUp();
  }

  focus(sopInstanceUid: string): void {
    this.#order.focus(this.#index(sopInstanceUid));
  }

  request(sopInstanceUid: string, signal?: AbortSignal): Promise<DenoisedSlice> {
    return this.#wait(sopInstanceUid, true, signal);
  }

  whenDone(sopInstanceUid: string, signal?: AbortSignal): Promise<DenoisedSlice> {
    return this.#wait(sopInstanceUid, false, signal);
  }

  result(sopInstanceUid: string): DenoisedSlice | null {
    return this.#results.get(this.#index(sopInstanceUid)) ?? null;
  }

  subscribe(listener: (event: JobEvent) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: 'changed', snapshot: this.#snapshot });
    return () => this.#listeners.delete(listener);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#listeners.clear();
    if (isBusy(this.#state)) this.cancel();
    this.#rejectAll(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
    this.#results.clear();
  }

  async #wait(sopInstanceUid: string, urgent: boolean, signal?: AbortSignal): Promise<DenoisedSlice> {
    signal?.throwIfAborted();
    const index = this.#index(sopInstanceUid);
    const done = this.#results.get(index);
    if (done) return done;
    const failure = this.#failures.get(index);
    if (failure) throw new DenoiseError(failure);
    if (this.#state === 'cancelled' || this.#disposed)
      throw new DenoiseError({ kind: 'fault', code: 'cancelled' });
    if (this.#state === 'failed') throw new DenoiseError(this.#reasons[0]!);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiters.get(index) ?? new Set();
      const leave = () => {
        waiting.delete(waiter);
        if (![...waiting].some(other => other.urgent)) this.#order.unrequest(index);
        if (waiting.size === 0) this.#waiters.delete(index);
        reject(signal!.reason);
      };
      const settle = () => signal?.removeEventListener('abort', leave);
      const waiter: Waiter = {
        urgent,
        resolve: slice => (settle(), resolve(slice)),
        reject: error => (settle(), reject(error)),
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiters.set(index, waiting.add(waiter));
      if (!urgent) return;
      this.#order.request(index);
      this.#wakeUp();
    });
  }

  /** Verdict, with the model's domain, and room for the results. */
  async #check(signal: AbortSignal): Promise<void> {
    const card = await this.#engine.card(signal);
    signal.throwIfAborted();
    const instances = this.#slices.map(slice => slice.instance);
    this.#verdict = judgeSeries(instances, card.domain);
    if (this.#verdict.kind === 'refused') throw new SeriesRefused(this.#verdict.reasons);
    const bytes = instances.reduce((sum, { Rows, Columns }) => sum + 2 * Number(Rows) * Number(Columns), 0);
    if (this.#keepResults && bytes > this.#budget) {
      const [neededMiB, allowedMiB] = [Math.ceil(bytes / MIB), Math.floor(this.#budget / MIB)];
      throw new DenoiseError({ kind: 'fault', code: 'memory-budget', neededMiB, allowedMiB });
    }
    this.#fire('accept');
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    await this.#engine.prepare(progress => {
      if (signal.aborted) return;
      this.#preparing = progress;
      this.#fire(progress.step === 'self-test' || progress.step === 'warm-up' ? 'test' : 'load');
    }, signal);
    signal.throwIfAborted();
    this.#preparing = null;
    this.#fire('run');
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#order.remaining > 0) {
      const index = this.#order.take(this.#state === 'paused');
      if (index === null) {
        await new Promise<void>(resolve => (this.#wake = resolve));
        continue;
      }
      await this.#denoise(index, signal);
      if (this.#done === 0) continue;
      const afterFirst = this.#afterFirst;
      this.#afterFirst = undefined;
      await afterFirst?.();
    }
    if (!signal.aborted) this.#fire('finish');
  }

  async #denoise(index: number, signal: AbortSignal): Promise<void> {
    const started = performance.now();
    let source: SliceHu;
    try {
      source = await this.#source.take(index, signal);
    } catch (error) {
      if (signal.aborted) return this.#order.putBack(index);
      return this.#failSlice(index, sourceFault(this.#uid(index), error));
    }
    if (signal.aborted) return this.#order.putBack(index);
    this.#source.begin(this.#order.peek(this.#state === 'paused'));
    const { hu, rows, columns, padding } = source;
    try {
      // Without the signal: a cancelled job keeps the slice in hand, and the engine could not stop in the middle anyway.
      const output = await this.#engine.denoiseSlab([{ hu, rows, columns, padding }]);
      this.#engineFailures = 0;
      const slice = {
        sopInstanceUid: this.#uid(index),
        rows,
        columns,
        hu: toInt16(output.slices[0]!),
        provider: output.provider,
        ms: output.ms,
      };
      this.#keep(index, slice, performance.now() - started);
    } catch (error) {
      if (signal.aborted) return this.#order.putBack(index);
      const fault = error instanceof DenoiseError && error.notice.kind === 'fault' ? error.notice : null;
      if (!fault || ENGINE_UNUSABLE.includes(fault.code)) {
        this.#order.putBack(index);
        throw error;
      }
      this.#failSlice(index, fault);
      if (fault.code !== 'bad-input' && ++this.#engineFailures >= MAX_ENGINE_FAILURES_IN_A_ROW) throw error;
    }
  }

  #keep(index: number, slice: DenoisedSlice, ms: number): void {
    if (this.#disposed) return;
    if (this.#keepResults) this.#results.set(index, slice);
    this.#done += 1;
    this.#pace.add(ms);
    this.#settle(index, waiter => waiter.resolve(slice));
    this.#emit({ kind: 'slice', slice });
    this.#changed();
  }

  #failSlice(index: number, fault: Fault): void {
    this.#failures.set(index, fault);
    this.#settle(index, waiter => waiter.reject(new DenoiseError(fault)));
    this.#emit({ kind: 'slice-failed', sopInstanceUid: this.#uid(index), fault });
    this.#changed();
  }

  #fail(reasons: readonly (Fault | Refusal)[]): void {
    this.#reasons = reasons;
    this.#preparing = null;
    this.#source.stop(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
    this.#fire('fail');
    this.#rejectAll(new DenoiseError(reasons[0]!));
  }

  #onEngine(event: EngineEvent): void {
    if (event.kind === 'restarting')
      this.#emit({ kind: 'engine-restarting', fault: event.fault, next: event.next });
    else this.#changed();
  }

  #settle(index: number, how: (waiter: Waiter) => void): void {
    const waiting = this.#waiters.get(index) ?? [];
    this.#waiters.delete(index);
    for (const waiter of waiting) how(waiter);
  }

  #rejectAll(reason: DenoiseError): void {
    for (const index of [...this.#waiters.keys()]) {
      this.#order.unrequest(index);
      this.#settle(index, waiter => waiter.reject(reason));
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #uid(index: number): string {
    return this.#slices[index]!.instance.SOPInstanceUID;
  }

  /** @throws RangeError for a slice that is not in the series */
  #index(sopInstanceUid: string): number {
    const index = this.#indexOf.get(sopInstanceUid);
    if (index === undefined) throw new RangeError(`the series has no slice ${sopInstanceUid}`);
    return index;
  }

  #fire(trigger: JobTrigger): void {
    this.#set(nextState(this.#state, trigger));
  }

  #set(state: JobState): void {
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = this.#takeSnapshot();
    this.#emit({ kind: 'changed', snapshot: this.#snapshot });
  }

  #takeSnapshot(): JobSnapshot {
    const engine: EngineInfo | null = this.#engine.info;
    const { msPerSlice } = this.#pace;
    const running = this.#state === 'running' && msPerSlice !== null;
    const progress: JobProgress = {
      done: this.#done,
      failed: this.#failures.size,
      total: this.#slices.length,
      msPerSlice,
      secondsLeft: running
        ? ((this.#slices.length - this.#done - this.#failures.size) * msPerSlice) / 1000
        : null,
    };
    return {
      state: this.#state,
      verdict: this.#verdict,
      engine,
      preparing: this.#preparing,
      progress,
      reasons: this.#reasons,
    };
  }

  /** A listener that throws must not stop the job; its error surfaces as an uncaught one. */
  #emit(event: JobEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

function isBusy(state: JobState): boolean {
  return !['idle', 'done', 'cancelled', 'failed'].includes(state);
}
