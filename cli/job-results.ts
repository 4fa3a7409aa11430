import { setImmediate as immediate } from 'node:timers/promises';
import type { DenoisedSlice, DenoiseJob } from '../src/denoise';
import type { Fault } from '../src/notices';

/** Results waiting to be taken; above this the job pauses, so that a slow archive does not fill the memory with sources. */
const MAX_WAITING = 16;
const RUNNING = ['checking', 'loading', 'testing', 'running', 'paused'];

/** The results of a job as a stream: the job pauses while too many wait, and is cancelled when nobody takes them any more. */
export class JobResults implements AsyncIterable<DenoisedSlice> {
  readonly #reader: ReadableStreamDefaultReader<DenoisedSlice>;
  #controller: ReadableStreamDefaultController<DenoisedSlice> | null = null;

  /** @param onTaken a result that was given out before the next was asked for: whoever took it is done with its source */
  constructor(
    private readonly job: DenoiseJob,
    private readonly onTaken: (result: DenoisedSlice) => void,
  ) {
    const stream = new ReadableStream<DenoisedSlice>(
      {
        start: controller => void (this.#controller = controller),
        pull: () => {
          if (job.snapshot.state === 'paused') job.resume();
        },
        cancel: () => {
          this.#controller = null;
          this.#cancelJob();
        },
      },
      { highWaterMark: MAX_WAITING },
    );
    this.#reader = stream.getReader();
    job.subscribe(event => event.kind === 'slice' && this.#push(event.slice));
  }

  /**
   * Runs the job to its end, or until the signal; results that wait then can still be taken.
   * @returns what stopped it, when something did
   */
  async run(signal: AbortSignal): Promise<Fault | null> {
    const { job } = this;
    const stop = () => this.#cancelJob();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const { state, reasons } = signal.aborted ? job.snapshot : await job.start();
      if (state === 'cancelled' || signal.aborted) return { kind: 'fault', code: 'cancelled' };
      return reasons.find(reason => reason.kind === 'fault') ?? null;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#controller?.close();
      this.#controller = null;
    }
  }

  /** Nobody takes results any more. */
  stop(): void {
    void this.#reader.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DenoisedSlice> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return;
        // The job first hands the engine its next slice; this one is derived while that is computed.
        await immediate();
        yield value;
        this.onTaken(value);
      }
    } finally {
      this.stop();
    }
  }

  #push(result: DenoisedSlice): void {
    if (!this.#controller) return;
    this.#controller.enqueue(result);
    if (this.#controller.desiredSize! <= 0 && this.job.snapshot.state === 'running') this.job.pause();
  }

  #cancelJob(): void {
    if (RUNNING.includes(this.job.snapshot.state)) this.job.cancel();
  }
}
