import { parentPort } from 'node:worker_threads';
import { DenoiseError, type Fault } from '../notices';
import { type HereBackend, openHere } from './node-session';
import { PlaneStore } from './planes';
import type { WorkerRequest, WorkerResponse } from './protocol';
import { inferenceFault } from './session';

/*
 * Entry of the engine's thread in Node. onnxruntime-node computes in the thread that calls it and keeps it busy until it has the result
 * (`run` in its backend.ts), so beside it nothing is read, encoded or written, and no signal is seen.
 */
const port = parentPort!;
const planes = new PlaneStore();
let backend: HereBackend | null = null;
/** Settles when the requests so far are answered: a session takes one run at a time. */
let answered: Promise<unknown> = Promise.resolve();

port.on('message', (message: WorkerRequest | null) => {
  if (message)
    answered = answered
      .then(() => answer(message))
      .catch((error: unknown) => post({ kind: 'fault', fault: faultOf(error) }));
  else {
    // The handle is done with it. Without a listener the thread ends by itself; ending it from outside during a run aborts the process.
    port.close();
    void backend?.close();
  }
});

async function answer(message: WorkerRequest): Promise<void> {
  if (message.kind === 'open') {
    backend = await openHere(message.request, step => post({ kind: 'step', step }));
    return post({ kind: 'opened', opened: backend.opened });
  }
  if (!backend) throw inferenceFault('cpu', 'run before open');
  const result = await backend.runTensor(planes.assemble(message.slab));
  const { buffer, byteLength } = result.data;
  const data = buffer.byteLength === byteLength ? result.data : result.data.slice();
  post({ kind: 'result', result: { ...result, data } }, [data.buffer as ArrayBuffer]);
}

function post(message: WorkerResponse, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function faultOf(error: unknown): Fault {
  if (error instanceof DenoiseError && error.notice.kind === 'fault') return error.notice;
  return inferenceFault('cpu', error).notice as Fault;
}
