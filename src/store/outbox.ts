import type { Entry } from './delivery';

/**
 * Sends what is filled into it, a request after the other, and lets the filling go on meanwhile: the journal gets ahead of a slow server,
 * so that a reload while it is sending loses nothing.
 */
export class Outbox {
  private waiting: Entry[] = [];
  private sending: Promise<void> | null = null;
  private failure: { readonly error: unknown } | null = null;

  constructor(
    private readonly fills: (entries: readonly Entry[]) => boolean,
    private readonly deliver: (entries: readonly Entry[]) => Promise<void>,
  ) {}

  /** @throws what an earlier delivery threw */
  add(entry: Entry): void {
    if (this.failure) throw this.failure.error;
    this.waiting.push(entry);
    this.start(this.fills);
  }

  /** Sends the rest. @throws what a delivery threw */
  async flush(): Promise<void> {
    await this.settled();
    this.start(entries => entries.length > 0);
    await this.settled();
    if (this.failure) throw this.failure.error;
  }

  /** Nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.sending) await this.sending;
  }

  private start(wanted: (entries: readonly Entry[]) => boolean): void {
    if (this.sending || this.failure || !wanted(this.waiting)) return;
    const entries = this.waiting;
    this.waiting = [];
    this.sending = this.deliver(entries).then(
      () => this.sent(null),
      (error: unknown) => this.sent({ error }),
    );
  }

  private sent(failure: Outbox['failure']): void {
    this.sending = null;
    this.failure = failure;
    this.start(this.fills);
  }
}
