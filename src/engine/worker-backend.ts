import { DenoiseError, type Fault } from '../notices';
import { ProviderUnavailable } from './adapter';
import { slabSize } from './manifest';
import { PlaneLedger, planesHeld } from './planes';
import type { Opened, WorkerRequest, WorkerResponse } from './protocol';
import { inferenceFault, type OpenRequest, type OpenStep } from './session';
import type { OpenBackend } from './supervisor';

export interface WorkerBackendOptions {
  readonly createWorker: () => Worker;
  readonly ortBaseUrl: string;
  readonly allowSoftwareAdapter: boolean;
}

/**
 * A backend in a worker of its own. Whatever goes wrong - a fault from inside, a script that does not load, a lost device - rejects the
 * call in hand and leaves the backend dead; `close` ends the worker at once, hung or not.
 */
export async function openWorkerBackend(
  options: WorkerBackendOptions,
  request: OpenRequest,
  onStep: (step: OpenStep) => void,
  signal: AbortSignal,
): Promise<OpenBackend> {
  signal.throwIfAborted();
  const worker = options.createWorker();
  let dead: Error | null = null;
  /** In the order of the questions, which is that of the answers. */
  const pending: { resolve: (message: WorkerResponse) => void; reject: (error: Error) => void }[] = [];

  const fail = (error: Error) => {
    dead ??= error;
    for (const { reject } of pending.splice(0)) reject(error);
  };
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    signal.removeEventListener('abort', close);
    worker.terminate();
    fail(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
  };
  worker.addEventListener('message', ({ data }: MessageEvent<WorkerResponse>) => {
    switch (data.kind) {
      case 'step':
        return onStep(data.step);
      case 'fault':
        return fail(new DenoiseError(data.fault));
      case 'unavailable':
        return fail(new ProviderUnavailable(data.reason));
      case 'lost': {
        const fault: Fault = {
          kind: 'fault',
          code: 'device-lost',
          provider: request.provider,
          detail: data.detail,
        };
        return fail(new DenoiseError(fault));
      }
      case 'opened':
      case 'result':
        pending.shift()?.resolve(data);
    }
  });
  worker.addEventListener('error', event => {
    // An error event without a message means that the worker's script did not load.
    fail(inferenceFault(request.provider, event.message || 'the worker script did not load'));
  });
  worker.addEventListener('messageerror', () =>
    fail(inferenceFault(request.provider, 'unreadable worker message')),
  );
  signal.addEventListener('abort', close);

  const ask = (message: WorkerRequest, transfer: Transferable[]) =>
    new Promise<WorkerResponse>((resolve, reject) => {
      if (dead) return reject(dead);
      pending.push({ resolve, reject });
      worker.postMessage(message, transfer);
    });

  const { ortBaseUrl, allowSoftwareAdapter } = options;
  try {
    const { model, golden } = request;
    const sent = [model, golden.input, golden.output, ...(golden.full ? [golden.full] : [])];
    const buffers = sent.map(array => array.buffer as ArrayBuffer);
    const answer = await ask({ kind: 'open', request, ortBaseUrl, allowSoftwareAdapter }, buffers);
    const opened = expectKind(answer, 'opened').opened satisfies Opened;
    const ledger = new PlaneLedger(planesHeld(slabSize(request.card).inputs));
    return {
      opened,
      queues: true,
      run: async given => {
        const slab = ledger.message(given);
        const buffers = slab.sent.map(({ data }) => data.buffer as ArrayBuffer);
        const result = await ask({ kind: 'run', slab }, buffers);
        return expectKind(result, 'result').result;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }

  function expectKind<K extends WorkerResponse['kind']>(message: WorkerResponse, kind: K) {
    if (message.kind !== kind)
      throw inferenceFault(request.provider, `worker answered ${message.kind}, not ${kind}`);
    return message as WorkerResponse & { kind: K };
  }
}
