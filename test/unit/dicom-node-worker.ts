import { Worker as NodeWorker } from 'node:worker_threads';
import type { DeriveWorker } from '../../src/dicom';

/**
 * The real worker file in a Node thread: tsx compiles it, and a few lines give the thread the names that a browser's worker has.
 */
export function nodeWorker(): DeriveWorker {
  const thread = new NodeWorker(
    `const { parentPort } = require('node:worker_threads');
     globalThis.addEventListener = (type, listener) => parentPort.on(type, data => listener({ data }));
     globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
     require('tsx/cjs/api').register();
     require(process.cwd() + '/src/dicom/derive/derive.worker.ts');`,
    { eval: true },
  );
  return {
    postMessage: (message: unknown, transfer?: unknown) =>
      thread.postMessage(message, transfer as ArrayBuffer[]),
    terminate: () => void thread.terminate(),
    addEventListener: (type: string, listener: unknown) => {
      thread.on(type, data =>
        (listener as (event: unknown) => void)(type === 'message' ? { data } : { message: String(data) }),
      );
    },
  } as DeriveWorker;
}
