import { parentPort } from 'node:worker_threads';
import { codeOf, DicomFileError, HttpError, reasonOf } from './errors';
import type { Order, Reply } from './readers';
import { TASKS } from './tasks';

parentPort!.on('message', async ({ id, task, args }: Order) => {
  const reply = await answer(id, () => (TASKS[task] as (...all: unknown[]) => unknown)(...args));
  if (!('result' in reply && reply.result instanceof Uint8Array)) return parentPort!.postMessage(reply);
  // A view would be sent with the whole file it looks at.
  const result = new Uint8Array(reply.result);
  parentPort!.postMessage({ id, result }, [result.buffer]);
});

parentPort!.postMessage('ready');

async function answer(id: number, run: () => unknown): Promise<Reply> {
  try {
    return { id, result: await run() };
  } catch (error) {
    const code = codeOf(error);
    const refusal = {
      message: reasonOf(error),
      ...(code !== undefined && { code }),
      ...(error instanceof HttpError && { statusCode: error.statusCode }),
      ...(error instanceof DicomFileError && { notDicom: error.notDicom }),
    };
    return { id, refusal, isDicomFileError: error instanceof DicomFileError };
  }
}
