import { DenoiseError, type Fault } from '../../notices';
import { prepareSource } from './derive';
import type { DerivedInstance, DeriveInput } from './types';
import type { DeriveRequest, DeriveResponse } from './worker-protocol';

/** What is used of a Worker. */
export type DeriveWorker = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

const DISPOSED: Fault = { kind: 'fault', code: 'cancelled', detail: 'the worker was disposed' };

interface Pending {
  readonly resolve: (derived: DerivedInstance) => void;
  readonly reject: (error: Error) => void;
}

/**
 * `deriveInstance` in a worker: the main thread only hands over the slice. `derive` takes the buffer of `input.hu` away from the caller.
 * A worker that breaks rejects what it was deriving (fault `derive-worker`); the next call starts another.
 */
export class WorkerDeriver {
  readonly #createWorker: () => DeriveWorker;
  readonly #pending = new Map<number, Pending>();
  #worker: DeriveWorker | null = null;
  #next = 0;
  #disposed = false;

  /** @param createWorker starts a module worker whose entry is `derive.worker.ts` */
  constructor(createWorker: () => DeriveWorker) {
    this.#createWorker = createWorker;
  }

  /** Errors as of `deriveInstance`; fault `cancelled` after `dispose`. */
  readonly derive = (input: DeriveInput): Promise<DerivedInstance> =>
    new Promise((resolve, reject) => {
      if (this.#disposed) throw new DenoiseError(DISPOSED);
      const { source, ...settings } = input;
      // Its own buffer, so that transferring takes nothing else along.
      const whole = settings.hu.byteLength === settings.hu.buffer.byteLength;
      const hu = whole ? settings.hu : settings.hu.slice();
      const request: DeriveRequest = {
        id: this.#next++,
        prepared: prepareSource(source),
        input: { ...settings, hu },
      };
      this.#worker ??= this.#start();
      this.#pending.set(request.id, { resolve, reject });
      this.#worker.postMessage(request, [hu.buffer as ArrayBuffer]);
    });

  dispose(): void {
    this.#disposed = true;
    this.#end(DISPOSED);
  }

  #start(): DeriveWorker {
    const worker = this.#createWorker();
    worker.addEventListener('message', event => this.#settle((event as MessageEvent<DeriveResponse>).data));
    const broken = (detail: string) => this.#end({ kind: 'fault', code: 'derive-worker', detail });
    worker.addEventListener('error', event =>
      broken((event as ErrorEvent).message || 'the worker script did not load'),
    );
    worker.addEventListener('messageerror', () => broken('unreadable worker message'));
    return worker;
  }

  #settle(response: DeriveResponse): void {
    const pending = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if (!pending) return;
    if ('derived' in response) pending.resolve(response.derived);
    else if ('notice' in response)
      pending.reject(new DenoiseError(response.notice, { cause: response.detail }));
    else pending.reject(new RangeError(response.rangeError));
  }

  #end(fault: Fault): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#pending.values()) reject(new DenoiseError(fault));
    this.#pending.clear();
  }
}
