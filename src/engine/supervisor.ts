import { anySignal } from '../abort';
import { DenoiseError, type Fault } from '../notices';
import { ProviderUnavailable } from './adapter';
import { slabSize } from './manifest';
import type { ModelFiles } from './model-files';
import type { Slab } from './planes';
import type { Opened } from './protocol';
import { inferenceFault, type OpenRequest, type OpenStep, type TensorResult } from './session';
import { fromTensor, paddedSize, toTensor } from './tensor';
import type {
  Engine,
  EngineEvent,
  EngineInfo,
  EngineInput,
  EngineOutput,
  EngineSlabOutput,
  ModelCard,
  PrepareProgress,
  Provider,
  ProviderRejection,
} from './types';

/** A loaded, self-tested session somewhere: in a worker or in this process. One run at a time. */
export interface OpenBackend {
  readonly opened: Opened;
  /** It takes a second run while it is at one, and begins it when that is done. */
  readonly queues: boolean;
  /** @throws DenoiseError `bad-input` of the slab's own, before anything is run */
  run(slab: Slab): Promise<TensorResult>;
  /** Ends it now, also in the middle of a run, which then rejects. */
  close(): void | Promise<void>;
}

/** What differs between the browser and Node. */
export interface EngineParts {
  readonly providers: readonly Provider[];
  readonly reference: OpenRequest['reference'];
  readonly threads: number;
  readonly warmUp: OpenRequest['warmUp'];
  loadCard(signal: AbortSignal): Promise<ModelCard>;
  loadFiles(
    card: ModelCard,
    onBytes: (loadedBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ): Promise<ModelFiles>;
  /** @throws ProviderUnavailable, DenoiseError */
  open(request: OpenRequest, onStep: (step: OpenStep) => void, signal: AbortSignal): Promise<OpenBackend>;
  /** Longest time for opening and for one run; a backend that takes longer has hung. */
  readonly openSeconds: number;
  runSeconds(provider: Provider): number;
}

interface Ahead {
  readonly backend: OpenBackend;
  readonly inputs: readonly EngineInput[];
  readonly result: Promise<TensorResult>;
}

/** How often a slice is tried on one provider before the next one is taken. */
const ATTEMPTS_PER_PROVIDER = 2;

/**
 * The engine's conduct: providers in order, a self-test for each session, one inference at a time, a watchdog, and repair. When a run
 * breaks, the backend is closed and opened again and the slice is tried once more on the same provider, then on the next; the last
 * provider is kept for the slices to come even when a slice fails on it.
 */
export class SupervisedEngine implements Engine {
  #info: EngineInfo | null = null;
  #card: Promise<ModelCard> | null = null;
  #backend: OpenBackend | null = null;
  #opening: Promise<OpenBackend> | null = null;
  /** Index into `providers` of the one in use or to be opened next. */
  #current = 0;
  readonly #rejected: (ProviderRejection & { readonly cause: unknown })[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  readonly #progress = new Set<(progress: PrepareProgress) => void>();
  /** Ends with `dispose`. */
  readonly #life = new AbortController();
  /** A number for each slice, by which a backend knows it again. */
  readonly #ids = new WeakMap<EngineInput, number>();
  #lastId = 0;
  /** The slab that `ahead` has given to a backend; `denoiseSlab` has not asked for it yet. */
  #ahead: Ahead | null = null;
  /** The backend is at a slab that was asked for. */
  #busy = false;
  /** Settles when all calls queued so far have. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: EngineParts) {}

  get info(): EngineInfo | null {
    return this.#info;
  }

  async card(signal?: AbortSignal): Promise<ModelCard> {
    this.#assertAlive();
    this.#card ??= this.parts.loadCard(this.#life.signal).catch(error => {
      this.#card = null;
      throw error;
    });
    return abortable(this.#card, signal);
  }

  async prepare(onProgress?: (progress: PrepareProgress) => void, signal?: AbortSignal): Promise<EngineInfo> {
    if (onProgress) this.#progress.add(onProgress);
    try {
      // Aborting stops the waiting, not the loading: what is loaded will be wanted again, and others may be waiting too.
      await abortable(this.#open(), signal);
      return this.#info!;
    } finally {
      if (onProgress) this.#progress.delete(onProgress);
    }
  }

  async denoise(input: EngineInput, signal?: AbortSignal): Promise<EngineOutput> {
    const { inputs } = slabSize(await this.card(signal));
    const { slices, ...rest } = await this.denoiseSlab(Array<EngineInput>(inputs).fill(input), signal);
    const [hu] = slices;
    return { ...rest, hu: hu!.byteLength === hu!.buffer.byteLength ? hu! : hu!.slice() };
  }

  denoiseSlab(inputs: readonly EngineInput[], signal?: AbortSignal): Promise<EngineSlabOutput> {
    const turn = this.#tail.then(() => {
      signal?.throwIfAborted();
      return this.#denoise(inputs, signal);
    });
    this.#tail = turn.catch(() => undefined);
    return abortable(turn, signal);
  }

  ahead(inputs: readonly EngineInput[]): void {
    const backend = this.#backend;
    // Never before the slab that is asked for, and one at a time: nobody could take a queue back.
    if (!backend?.queues || !this.#busy || this.#ahead) return;
    const result = backend.run(this.#slab(inputs, this.#info!.model));
    // Whoever asks for the slab sees the error; until then nobody handles it.
    result.catch(() => undefined);
    this.#ahead = { backend, inputs, result };
  }

  subscribe(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    if (this.#life.signal.aborted) return;
    this.#life.abort(
      new DenoiseError({ kind: 'fault', code: 'cancelled', detail: 'the engine was disposed' }),
    );
    this.#listeners.clear();
    this.#progress.clear();
    await this.#close();
    this.#info = null;
  }

  /** A slab through all attempts. The input is read again for each, because what a backend held goes with it. */
  async #denoise(inputs: readonly EngineInput[], signal: AbortSignal | undefined): Promise<EngineSlabOutput> {
    let attempts = 0;
    let last: Provider | null = null;
    for (;;) {
      const backend = await this.#open();
      signal?.throwIfAborted();
      const { model: card, provider } = this.#info!;
      // Opening again may itself have moved on to another provider, which then has its own attempts.
      if (provider !== last) attempts = 0;
      last = provider;
      const run = this.#takeAhead(backend, inputs) ?? backend.run(this.#slab(inputs, card));
      this.#busy = true;
      try {
        const result = await this.#watched(run, provider, this.parts.runSeconds(provider));
        return { slices: slicesOf(result, inputs, card), ms: result.ms, provider };
      } catch (error) {
        const fault = faultOf(error, provider);
        if (fault.code === 'bad-input') throw error;
        await this.#close();
        this.#assertAlive();
        attempts += 1;
        const onLast = this.#current === this.parts.providers.length - 1;
        if (attempts === ATTEMPTS_PER_PROVIDER && onLast) throw error;
        if (attempts === ATTEMPTS_PER_PROVIDER) this.#reject(provider, error);
        this.#emit({ kind: 'restarting', fault, next: this.parts.providers[this.#current]! });
      } finally {
        this.#busy = false;
      }
    }
  }

  /** The run of these inputs that `ahead` began; null when there is none. */
  #takeAhead(backend: OpenBackend, inputs: readonly EngineInput[]): Promise<TensorResult> | null {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead?.backend !== backend || ahead.inputs.length !== inputs.length) return null;
    return ahead.inputs.every((input, i) => input === inputs[i]) ? ahead.result : null;
  }

  #slab(inputs: readonly EngineInput[], card: ModelCard): Slab {
    const [first] = inputs;
    const { inputs: wanted } = slabSize(card);
    if (!first || inputs.length !== wanted)
      throw new RangeError(`${inputs.length} slices for a model that reads ${wanted}`);
    if (inputs.some(({ rows, columns }) => rows !== first.rows || columns !== first.columns))
      throw new RangeError('slices of several sizes in one slab');
    const planes = inputs.map(input => ({
      id: this.#idOf(input),
      data: () => toTensor(input, card).data,
    }));
    return { ...paddedSize(first, card), planes };
  }

  #idOf(input: EngineInput): number {
    const id = this.#ids.get(input) ?? ++this.#lastId;
    this.#ids.set(input, id);
    return id;
  }

  /** The open backend, opening one on the first provider that works if need be; concurrent callers share the work. */
  #open(): Promise<OpenBackend> {
    if (this.#backend) return Promise.resolve(this.#backend);
    this.#opening ??= this.#openFirst().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openFirst(): Promise<OpenBackend> {
    this.#assertAlive();
    this.#report({ step: 'manifest' });
    const card = await this.card();
    for (;;) {
      const provider = this.parts.providers[this.#current];
      if (!provider) throw this.#noProvider();
      const files = await this.#files(card);
      try {
        const backend = await this.#openOn(provider, card, files);
        this.#assertAlive(backend);
        this.#backend = backend;
        this.#info = {
          model: card,
          provider,
          precision: card.precision,
          ...backend.opened,
          rejected: this.#rejected.map(({ provider: p, fault, reason }) => ({ provider: p, fault, reason })),
          fromCache: files.fromCache,
        };
        this.#emit({ kind: 'ready', info: this.#info });
        return backend;
      } catch (error) {
        this.#assertAlive();
        this.#reject(provider, error);
      }
    }
  }

  async #files(card: ModelCard): Promise<ModelFiles> {
    const onBytes = (loadedBytes: number, totalBytes: number) =>
      this.#report({ step: 'download', loadedBytes, totalBytes });
    try {
      return await this.parts.loadFiles(card, onBytes, this.#life.signal);
    } catch (error) {
      // The site may have put another model in place since the card was read.
      this.#card = null;
      throw error;
    }
  }

  async #openOn(provider: Provider, card: ModelCard, files: ModelFiles): Promise<OpenBackend> {
    const giveUp = new AbortController();
    const signal = anySignal(this.#life.signal, giveUp.signal);
    const { reference, threads, warmUp } = this.parts;
    const { model, wasmGraph, golden } = files;
    const request: OpenRequest = {
      provider,
      reference,
      card,
      model,
      wasmGraph,
      golden,
      threads,
      warmUp,
    };
    const opening = this.parts.open(request, step => this.#report({ step, provider }), signal);
    try {
      return await this.#watched(opening, provider, this.parts.openSeconds);
    } catch (error) {
      giveUp.abort(error);
      // Should it open after all, nobody is waiting any more.
      void opening.then(backend => backend.close()).catch(() => undefined);
      throw error;
    }
  }

  /** Rejects with `engine-hang` when `work` takes longer than `seconds`. */
  #watched<T>(work: Promise<T>, provider: Provider, seconds: number): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hang = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new DenoiseError({ kind: 'fault', code: 'engine-hang', provider, seconds })),
        seconds * 1000,
      );
    });
    return Promise.race([work, hang]).finally(() => clearTimeout(timer));
  }

  /** Not used again, unless all are. */
  #reject(provider: Provider, cause: unknown): void {
    const fault = cause instanceof ProviderUnavailable ? null : faultOf(cause, provider);
    const reason = fault ? `${provider} failed: ${fault.detail ?? fault.code}` : (cause as Error).message;
    this.#rejected.push({ provider, fault, reason, cause });
    this.#current += 1;
  }

  #noProvider(): DenoiseError {
    // Everything may be tried again by a later call: the reason may have been a full GPU or a server that was down.
    const rejected = this.#rejected.splice(0);
    this.#current = 0;
    const [only] = rejected;
    if (rejected.length === 1 && only?.cause instanceof DenoiseError) return only.cause;
    const cause = new AggregateError(rejected.map(rejection => rejection.cause));
    const detail = rejected.map(({ reason }) => reason).join(' ');
    return new DenoiseError({ kind: 'fault', code: 'no-provider', detail }, { cause });
  }

  async #close(): Promise<void> {
    const backend = this.#backend;
    this.#backend = null;
    this.#ahead = null;
    await backend?.close();
  }

  #assertAlive(opened?: OpenBackend): void {
    if (!this.#life.signal.aborted) return;
    void opened?.close();
    throw this.#life.signal.reason;
  }

  #report(progress: PrepareProgress): void {
    notify(this.#progress, progress);
  }

  #emit(event: EngineEvent): void {
    notify(this.#listeners, event);
  }
}

/** The m results, each checked against its own slice. */
function slicesOf(result: TensorResult, inputs: readonly EngineInput[], card: ModelCard): Float32Array[] {
  const { height, width, data } = result;
  const { inputs: n, outputs: m } = slabSize(card);
  return Array.from({ length: m }, (_, i) => {
    const plane = data.subarray(i * height * width, (i + 1) * height * width);
    return fromTensor({ data: plane, height, width }, inputs[i + (n - m) / 2]!, card);
  });
}

/** A listener that throws must not be taken for a provider that fails; its error surfaces as an uncaught one. */
function notify<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

function faultOf(error: unknown, provider: Provider): Fault {
  const typed = error instanceof DenoiseError ? error : inferenceFault(provider, error);
  return typed.notice.kind === 'fault' ? typed.notice : { kind: 'fault', code: 'inference', provider };
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it is aborted. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
