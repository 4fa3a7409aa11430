import {
  type CtSlice,
  judgeSeries,
  modalityOf,
  type NaturalizedInstance,
  planSlabs,
  type Slab,
  type SliceHu,
  type Verdict,
} from '../ct';
import type { Engine, EngineEvent, EngineInfo, PrepareProgress } from '../engine';
import { DenoiseError, type Fault, type Refusal } from '../notices';
import { SliceOrder } from './order';
import { Pace } from './pace';
import { ReadAhead } from './read-ahead';
import { reasonsOf, SeriesRefused, unavailableFault } from './reasons';
import { type JobTrigger, nextState } from './states';
import { hasInt16Hu, toKept } from './strength';
import type {
  DenoisedSlice,
  DenoiseJobHandle,
  DenoiseJobOptions,
  JobEvent,
  JobProgress,
  JobSnapshot,
  JobState,
} from './types';
import { Waiters } from './waiters';

const MIB = 1 << 20;
const DEFAULT_BUDGET = 1024 * MIB;
/** An engine that fails so many slabs in a row, each after its own retries, will fail the rest too. */
const MAX_ENGINE_FAILURES_IN_A_ROW = 3;
/** Faults of the engine as a whole: no slice can be done. */
const ENGINE_UNUSABLE: readonly Fault['code'][] = [
  'model-download',
  'model-hash',
  'model-manifest',
  'configuration',
  'no-provider',
  'runtime-load',
  'self-test',
];

/** See DenoiseJobHandle. One loop takes slabs one by one; everything else only changes what the loop will take next. */
export class DenoiseJob implements DenoiseJobHandle {
  readonly #engine: Engine;
  readonly #slices: readonly CtSlice[];
  readonly #budget: number;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #keepResults: boolean;
  readonly #computeAhead: boolean;
  #afterFirst: (() => Promise<void>) | undefined;
  readonly #results = new Map<number, DenoisedSlice>();
  #done = 0;
  readonly #failures = new Map<number, Fault>();
  readonly #waiters = new Waiters();
  readonly #listeners = new Set<(event: JobEvent) => void>();
  readonly #order: SliceOrder;
  readonly #source: ReadAhead;
  /** The slices to be computed; the others are neighbours only. */
  readonly #wanted: ReadonlySet<number>;
  #slabs: readonly Slab[] = [];
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
    only,
    focus,
    afterFirst,
    computeAhead = false,
  }: DenoiseJobOptions) {
    this.#engine = engine;
    this.#afterFirst = afterFirst;
    this.#computeAhead = computeAhead;
    this.#keepResults = keepResults;
    this.#slices = series.slices;
    this.#source = new ReadAhead(series.slices);
    this.#budget = memoryBudgetBytes;
    this.#indexOf = new Map(series.slices.map((slice, index) => [slice.instance.SOPInstanceUID, index]));
    this.#wanted = new Set(only ? Array.from(only, uid => this.#index(uid)) : this.#indexOf.values());
    const start = focus === undefined ? series.slices.length >> 1 : this.#index(focus);
    this.#order = new SliceOrder(series.slices.length, start, this.#wanted);
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
    if (!this.#wanted.has(index)) throw new RangeError(`slice ${sopInstanceUid} is a neighbour only`);
    const waiting = this.#waiters.add(index, urgent, signal, () => this.#order.unrequest(index));
    if (urgent) {
      this.#order.request(index);
      this.#wakeUp();
    }
    return waiting;
  }

  /** Verdict, with the model's domain, room for the results, and the series in slabs. */
  async #check(signal: AbortSignal): Promise<void> {
    const card = await this.#engine.card(signal);
    signal.throwIfAborted();
    const instances = this.#slices.map(slice => slice.instance);
    this.#verdict = judgeSeries(instances, card.domain, card.slab);
    if (this.#verdict.kind === 'refused') throw new SeriesRefused(this.#verdict.reasons);
    const bytes = [...this.#wanted].reduce((sum, index) => sum + bytesKept(instances[index]!), 0);
    if (this.#keepResults && bytes > this.#budget) {
      const [neededMiB, allowedMiB] = [Math.ceil(bytes / MIB), Math.floor(this.#budget / MIB)];
      throw new DenoiseError({ kind: 'fault', code: 'memory-budget', neededMiB, allowedMiB });
    }
    this.#slabs = planSlabs(instances, card.slab ?? null);
    this.#order.plan(this.#slabs.map(({ own }) => own));
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
      const next = this.#order.take(this.#state === 'paused');
      if (next === null) {
        await new Promise<void>(resolve => (this.#wake = resolve));
        continue;
      }
      await this.#denoise(this.#slabs[next.slab]!, next.wanted, signal);
      if (this.#done === 0) continue;
      const afterFirst = this.#afterFirst;
      this.#afterFirst = undefined;
      await afterFirst?.();
    }
    if (!signal.aborted) {
      this.#source.stop(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
      this.#fire('finish');
    }
  }

  /** @param wanted those of the slab's own slices whose results are not there yet */
  async #denoise(slab: Slab, wanted: readonly number[], signal: AbortSignal): Promise<void> {
    const started = performance.now();
    const putBack = () => wanted.forEach(index => this.#order.putBack(index));
    const fail = (faultOf: (index: number) => Fault) =>
      wanted.forEach(index => this.#failSlice(index, faultOf(index)));
    const read = [...new Set(slab.inputs)];
    let pixels: Map<number, SliceHu>;
    try {
      const taken = await this.#source.take(read, signal);
      pixels = new Map(read.map((index, i) => [index, taken[i]!]));
    } catch (error) {
      if (signal.aborted) return putBack();
      return fail(index => unavailableFault(error, index, other => this.#uid(other)));
    }
    if (signal.aborted) return putBack();
    this.#readNext();
    try {
      // Without the signal: a cancelled job keeps the slab in hand, and the engine could not stop in the middle anyway.
      const computing = this.#engine.denoiseSlab(slab.inputs.map(index => pixels.get(index)!));
      if (this.#computeAhead) void this.#hintNext(signal);
      const output = await computing;
      this.#engineFailures = 0;
      const ms = (performance.now() - started) / wanted.length;
      const made = slab.inputs.length > 1 ? { inputs: slab.inputs.map(index => this.#uid(index)) } : null;
      for (const index of wanted) {
        const { rows, columns, modality } = pixels.get(index)!;
        const place = slab.own.indexOf(index);
        const slice: DenoisedSlice = {
          sopInstanceUid: this.#uid(index),
          rows,
          columns,
          hu: toKept(output.slices[place]!, modality),
          provider: output.provider,
          ms: output.ms / wanted.length,
          slab: made && { ...made, output: place },
        };
        this.#keep(index, slice, ms);
      }
    } catch (error) {
      if (signal.aborted) return putBack();
      const fault = error instanceof DenoiseError && error.notice.kind === 'fault' ? error.notice : null;
      if (!fault || ENGINE_UNUSABLE.includes(fault.code)) {
        putBack();
        throw error;
      }
      fail(() => fault);
      if (fault.code !== 'bad-input' && ++this.#engineFailures >= MAX_ENGINE_FAILURES_IN_A_ROW) throw error;
    }
  }

  /** Reads the next slab's slices, and keeps of those that are here what slabs to come share: at most on both sides of what is done. */
  #readNext(): void {
    const pending = new Set([...this.#order.pendingSlabs()].flatMap(slab => this.#slabs[slab]!.inputs));
    const { inputs, own } = this.#slabs[0]!;
    this.#source.keep(index => pending.has(index), 2 * (inputs.length - own.length));
    const next = this.#order.peek(this.#state === 'paused');
    if (next !== null) this.#source.begin([...new Set(this.#slabs[next]!.inputs)]);
  }

  /** Gives the engine the slab that comes next, once its slices are here. */
  async #hintNext(signal: AbortSignal): Promise<void> {
    const next = this.#order.peek(this.#state === 'paused');
    if (next === null) return;
    const pixels = await this.#source.arrived(this.#slabs[next]!.inputs);
    // By now it may have been asked for, or another come before it.
    const isNext = !signal.aborted && this.#order.peek(this.#state === 'paused') === next;
    if (pixels && isNext) this.#engine.ahead(pixels);
  }

  #keep(index: number, slice: DenoisedSlice, ms: number): void {
    if (this.#disposed) return;
    if (this.#keepResults) this.#results.set(index, slice);
    this.#done += 1;
    this.#pace.add(ms);
    this.#waiters.resolve(index, slice);
    this.#emit({ kind: 'slice', slice });
    this.#changed();
  }

  #failSlice(index: number, fault: Fault): void {
    this.#failures.set(index, fault);
    this.#waiters.reject(index, new DenoiseError(fault));
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

  #rejectAll(reason: DenoiseError): void {
    for (const index of this.#waiters.rejectAll(reason)) this.#order.unrequest(index);
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
      total: this.#wanted.size,
      msPerSlice,
      secondsLeft: running
        ? ((this.#wanted.size - this.#done - this.#failures.size) * msPerSlice) / 1000
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

/** Of one result. */
function bytesKept(instance: NaturalizedInstance): number {
  const { Rows, Columns } = instance;
  return (hasInt16Hu(modalityOf(instance)) ? 2 : 4) * Number(Rows) * Number(Columns);
}

function isBusy(state: JobState): boolean {
  return !['idle', 'done', 'cancelled', 'failed'].includes(state);
}
