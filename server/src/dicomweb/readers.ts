import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { codeOf, DicomFileError, HttpError } from './errors';
import type { Tasks } from './tasks';

export interface Order {
  readonly id: number;
  readonly task: keyof Tasks;
  readonly args: readonly unknown[];
}

/** An error as it travels between threads: of a class, only its fields do. */
export interface Refusal {
  readonly message: string;
  readonly statusCode?: number;
  readonly notDicom?: boolean;
  readonly code?: string;
}

export type Reply = { readonly id: number } & (
  { readonly result: unknown } | { readonly refusal: Refusal; readonly isDicomFileError: boolean }
);

type Run = <K extends keyof Tasks>(task: K, ...args: Parameters<Tasks[K]>) => Promise<ReturnType<Tasks[K]>>;

interface Waiting {
  readonly order: Order;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** One reads for the index; the other is for what somebody waits for, even while the first reads a large file. */
const THREADS = 2;
const THREADS_FOR_INDEX = 1;
/** The largest file takes some seconds; what takes longer never ends. */
const TASK_MS = 60_000;
/** Objects of one thread; the bytes of files come beside them, and are limited where they are read. */
const HEAP_MB = 512;

/** npm runs every script in the root. */
const THREAD = () => join(process.cwd(), 'server/src/dicomweb/reader-thread.mjs');

/**
 * Threads that parse files, started one after the other. A thread that dies (of too large a header) or never answers is ended, its task fails,
 * and another thread takes its place.
 */
export class Readers {
  private readonly idle: Worker[] = [];
  private readonly all = new Set<Worker>();
  private readonly queues: { readonly now: Waiting[]; readonly later: Waiting[] } = { now: [], later: [] };
  private orders = 0;
  /** Threads that read for the index now. */
  private indexing = 0;
  private isClosed = false;

  constructor() {
    this.start();
  }

  /** For an answer that somebody waits for. */
  readonly run: Run = (task, ...args) => this.enqueue('now', task, args);
  /** For the index, which gives way. */
  readonly runLater: Run = (task, ...args) => this.enqueue('later', task, args);

  async close(): Promise<void> {
    this.isClosed = true;
    this.rejectWaiting(new Error('the server is closing'));
    await Promise.all([...this.all].map(thread => thread.terminate()));
  }

  private enqueue<K extends keyof Tasks>(
    queue: 'now' | 'later',
    task: K,
    args: readonly unknown[],
  ): Promise<ReturnType<Tasks[K]>> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(new Error('the server is closing'));
      this.queues[queue].push({ order: { id: ++this.orders, task, args }, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    const { now, later } = this.queues;
    const hasWork = () => now.length > 0 || (later.length > 0 && this.indexing < THREADS_FOR_INDEX);
    while (hasWork() && this.idle.length > 0) {
      const isForIndex = now.length === 0;
      if (isForIndex) this.indexing += 1;
      this.give(this.idle.pop()!, (now.shift() ?? later.shift())!, () => {
        if (isForIndex) this.indexing -= 1;
      });
    }
    if (hasWork()) this.start();
  }

  /** Starts a thread that nobody waits for yet, but not while the index needs the processor. */
  private warmUp(): void {
    if (this.queues.later.length === 0 && this.indexing === 0) this.start();
  }

  /** Starts a thread unless all are there. */
  private start(): void {
    if (this.isClosed || this.all.size >= THREADS) return;
    const thread = new Worker(THREAD(), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    // A server that has nothing else to do may end.
    thread.unref();
    this.all.add(thread);
    const onFailure = (cause: Error) => {
      this.all.delete(thread);
      this.rejectWaiting(
        new Error(`the thread that reads files does not start: ${cause.message}`, { cause }),
      );
    };
    thread.once('error', onFailure);
    thread.once('message', () => {
      thread.off('error', onFailure);
      this.idle.push(thread);
      this.next();
      this.warmUp();
    });
  }

  private rejectWaiting(error: Error): void {
    for (const queue of Object.values(this.queues)) for (const { reject } of queue.splice(0)) reject(error);
  }

  private give(thread: Worker, { order, resolve, reject }: Waiting, onSettled: () => void): void {
    const settle = (isAlive: boolean) => {
      clearTimeout(timer);
      onSettled();
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      if (isAlive) this.idle.push(thread);
      else {
        this.all.delete(thread);
        thread.on('error', () => undefined);
        void thread.terminate();
      }
      if (this.isClosed) return;
      this.next();
      this.warmUp();
    };
    const fail = (error: Error) => {
      settle(false);
      reject(error);
    };
    const onMessage = (reply: Reply) => {
      if (reply.id !== order.id) return;
      settle(true);
      if ('result' in reply) resolve(received(reply.result) as never);
      else reject(errorOf(reply));
    };
    const onError = (cause: Error) =>
      fail(
        codeOf(cause) === 'ERR_WORKER_OUT_OF_MEMORY'
          ? new DicomFileError('the file needs more memory than a file may', { cause })
          : new Error(`the thread that reads files has failed: ${cause.message}`, { cause }),
      );
    const onExit = () => fail(new DicomFileError('reading the file ended early'));
    const timer = setTimeout(
      () => fail(new DicomFileError(`the file was not read within ${TASK_MS / 1000} s`)),
      TASK_MS,
    );
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    thread.postMessage(order);
  }
}

/** A Buffer arrives as the Uint8Array that it is. */
const received = (result: unknown): unknown =>
  result instanceof Uint8Array ? Buffer.from(result.buffer, result.byteOffset, result.length) : result;

function errorOf({ refusal, isDicomFileError }: Extract<Reply, { refusal: Refusal }>): Error {
  const { message, statusCode, notDicom, code } = refusal;
  if (statusCode !== undefined) return new HttpError(statusCode, message);
  const error = isDicomFileError
    ? new DicomFileError(message, { ...(notDicom && { notDicom }) })
    : new Error(message);
  return Object.assign(error, code !== undefined && { code });
}
