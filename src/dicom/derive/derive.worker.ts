import { DenoiseError } from '../../notices';
import { derivePrepared } from './derive';
import type { DeriveRequest, DeriveResponse } from './worker-protocol';

/** Derives instances away from the main thread: decoding, hashing and writing a slice takes longer than a frame of the screen. */
const scope = globalThis as unknown as Pick<DedicatedWorkerGlobalScope, 'addEventListener' | 'postMessage'>;

scope.addEventListener('message', (event: MessageEvent<DeriveRequest>) => void answer(event.data));

async function answer({ id, prepared, input }: DeriveRequest): Promise<void> {
  try {
    const derived = await derivePrepared(prepared, input);
    post({ id, derived }, [derived.part10.buffer as ArrayBuffer]);
  } catch (error) {
    if (error instanceof RangeError) post({ id, rangeError: error.message }, []);
    else if (error instanceof DenoiseError)
      post({ id, notice: error.notice, detail: String(error.cause ?? '') }, []);
    else throw error;
  }
}

function post(response: DeriveResponse, transfer: Transferable[]): void {
  scope.postMessage(response, transfer);
}
