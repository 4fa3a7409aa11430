import type { CtSeries, CtSlice } from '../ct';
import { sliceFromStored } from '../ct';
import { ctInstance } from '../ct/fixtures';
import type { Engine, EngineEvent, EngineInfo, EngineInput, EngineSlabOutput, ModelCard } from '../engine';
import { boxCard } from '../engine/fixtures';
import { DenoiseError, type Fault } from '../notices';
import { DenoiseJob } from './job';
import type { DenoiseJobOptions, JobEvent, JobState } from './types';

export const SIZE = 32;
export const uid = (n: number) => `1.2.3.4.${n}`;

/**
 * Slice n holds the HU n everywhere; the stand-in engine halves it, or for a slab model gives 3 of the slice below, 12 of its own and 5 of that
 * above. Loading and inference wait for the test where told to.
 */
export class Stage {
  readonly computed: number[] = [];
  /** What the engine was told will come next. */
  readonly hinted: (readonly EngineInput[])[] = [];
  /** What was computed after it had been told, the same objects. */
  hintsTaken = 0;
  readonly loaded: number[] = [];
  readonly failing = new Map<number, Fault>();
  readonly unavailable = new Set<number>();
  prepareFault: Fault | null = null;
  /** Set to hold the engine before each slice until `release` is called. */
  hold = false;
  #waiting: (() => void)[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly engine: Engine;

  constructor(card: ModelCard = boxCard()) {
    const computed = this.computed;
    let info: EngineInfo | null = null;
    this.engine = {
      card: async () => card,
      get info() {
        return info;
      },
      prepare: async onProgress => {
        onProgress?.({ step: 'manifest' });
        onProgress?.({ step: 'load', provider: 'webgpu' });
        onProgress?.({ step: 'self-test', provider: 'webgpu' });
        onProgress?.({ step: 'load', provider: 'wasm' });
        onProgress?.({ step: 'self-test', provider: 'wasm' });
        if (this.prepareFault) throw new DenoiseError(this.prepareFault);
        info = { model: card, provider: 'wasm' } as EngineInfo;
        return info;
      },
      denoise: () => Promise.reject(new Error('the job runs slabs')),
      denoiseSlab: async (inputs: readonly EngineInput[]): Promise<EngineSlabOutput> => {
        const { outputs } = card.slab ?? { outputs: 1 };
        const own = inputs.slice((inputs.length - outputs) / 2, (inputs.length + outputs) / 2);
        const numbers = [...new Set(own.map(({ hu }) => hu[0]!))];
        computed.push(...numbers);
        const hint = this.hinted.at(-1);
        if (hint?.every((input, i) => input === inputs[i])) this.hintsTaken += 1;
        if (this.hold) await new Promise<void>(resolve => this.#waiting.push(resolve));
        const fault = numbers.map(n => this.failing.get(n)).find(Boolean);
        if (fault) throw new DenoiseError(fault);
        const margin = (inputs.length - outputs) / 2;
        const near = (i: number) => inputs[i + margin]!.hu;
        const slices = own.map(({ hu }, i) =>
          hu.map((value, at) =>
            margin === 0 ? value / 2 : 3 * near(i - 1)[at]! + 12 * value + 5 * near(i + 1)[at]!,
          ),
        );
        return { slices, ms: 1, provider: 'wasm' };
      },
      ahead: inputs => void this.hinted.push(inputs),
      subscribe: listener => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      dispose: async () => undefined,
    };
  }

  get engineListeners(): number {
    return this.#listeners.size;
  }

  emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Lets the slice in hand finish and the next one begin. */
  async release(): Promise<void> {
    this.#waiting.shift()?.();
    await settled();
  }

  series(
    count: number,
    changes: Record<string, unknown> | ((i: number) => Record<string, unknown>) = {},
  ): CtSeries {
    const slices = Array.from({ length: count }, (_, i): CtSlice => {
      const own = typeof changes === 'function' ? changes(i) : changes;
      const instance = ctInstance({ Rows: SIZE, Columns: SIZE, ...own }, i);
      return {
        instance,
        loadHu: async signal => {
          this.loaded.push(i);
          signal?.throwIfAborted();
          if (this.unavailable.has(i)) throw new Error('404');
          return sliceFromStored(new Uint16Array(SIZE * SIZE).fill(1024 + i), instance);
        },
      };
    });
    return { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.4', slices };
  }

  job(count: number, options: Partial<DenoiseJobOptions> = {}): DenoiseJob {
    return new DenoiseJob({ series: this.series(count), engine: this.engine, ...options });
  }
}

export const settled = () => new Promise(resolve => setImmediate(resolve));
export const INFERENCE: Fault = { kind: 'fault', code: 'inference', provider: 'wasm' };

export function record(job: DenoiseJob): { states: JobState[]; events: JobEvent[] } {
  const states: JobState[] = [];
  const events: JobEvent[] = [];
  job.subscribe(event => {
    events.push(event);
    if (event.kind === 'changed' && states.at(-1) !== event.snapshot.state) states.push(event.snapshot.state);
  });
  return { states, events };
}
