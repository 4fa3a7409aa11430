/**
 * Storing one derived series, whatever the server does: journal first, send in batches, believe nothing that is not read back.
 * The rules of the answers are in delivery.ts; this file holds the run: feed, deliver, verify, report.
 */
import { v4 as randomUuid } from 'uuid';
import { DenoiseError, type Fault } from '../notices';
import { Delivery, type Entry } from './delivery';
import { DicomWebClient, NoAnswer, ReadRefused } from './dicomweb';
import { forgetAbandoned, type JournalSession } from './journal';
import { journalWithFaults } from './journal-faults';
import { Ledger } from './ledger';
import type {
  ResumeOptions,
  StorableInstance,
  StoreOptions,
  StoreProgress,
  StoreSeriesOptions,
} from './options';
import { Outbox } from './outbox';
import { isComplete, makeReport, type StoreReport } from './report';
import { next, SESSION_TABLE, type SessionEvent, type SessionState } from './states';
import { Verification } from './verification';

/**
 * Stores a series as it is produced. Resolves with a report in every case but a journal that takes nothing at all (rejects with a DenoiseError,
 * `store-journal`; one that takes no more files is reported, and what it has is stored) and an instance fed twice with different pixels.
 * What is not stored stays in the journal: `resumeStore(report.sessionId)` sends it, also after a reload, for 30 days. A journal whose session is `done` is removed.
 */
export async function storeInstances(
  instances: AsyncIterable<StorableInstance> | Iterable<StorableInstance>,
  options: StoreSeriesOptions,
): Promise<StoreReport> {
  const session: JournalSession = {
    id: options.sessionId ?? randomUuid(),
    studyInstanceUid: options.studyInstanceUid,
    expected: options.expected,
    startedAt: new Date().toISOString(),
    target: options.server.roots.stow,
    label: options.label ?? '',
  };
  const journal = journalWithFaults(options.journal);
  await forgetAbandoned(journal, session.id);
  // What an earlier session of this name left belongs to another series of files.
  await journal.remove(session.id);
  await journal.open(session);
  return new StoreSession(session, [], { ...options, journal }).run(instances);
}

/**
 * Takes a session up where it stopped: sends what is pending and what failed, and verifies all of it; what was there and no longer is
 * counts as never produced. `instances` are those the first run never got, and may be all: one the journal has is passed over.
 * Rejects also for a session that the journal does not have, or that is for another archive.
 */
export async function resumeStore(
  sessionId: string,
  options: ResumeOptions,
  instances: AsyncIterable<StorableInstance> | Iterable<StorableInstance> = [],
): Promise<StoreReport> {
  const journal = journalWithFaults(options.journal);
  const begun = (await journal.sessions()).find(({ id }) => id === sessionId);
  if (!begun) throw new Error(`the journal has no session ${sessionId}`);
  const { stow } = options.server.roots;
  if (begun.target !== stow) throw new Error(`session ${sessionId} is for ${begun.target}, not for ${stow}`);
  await forgetAbandoned(journal, sessionId);
  const session = { ...begun, expected: options.expected ?? begun.expected };
  if (session.expected !== begun.expected) await journal.open(session);
  const entries = await journal.entries(sessionId);
  return new StoreSession(session, entries, { ...options, journal }).run(instances);
}

class StoreSession {
  private state: SessionState = 'idle';
  private hold: StoreProgress['hold'] = null;
  private readonly ledger: Ledger;
  /** UIDs the server listed when we first asked about a series; null when it would not say. */
  private readonly known = new Map<string, Set<string> | null>();
  private readonly verification: Verification;
  private readonly client: DicomWebClient;
  private readonly delivery: Delivery;
  private readonly attempts: number;
  private stoppedBy: Fault | null = null;

  constructor(
    private readonly session: JournalSession,
    entries: readonly Entry[],
    private readonly options: StoreOptions,
  ) {
    this.attempts = options.attempts ?? 5;
    this.ledger = new Ledger(session, options.journal, entries, () => this.report());
    this.client = new DicomWebClient({
      ...options.server,
      onHold: hold => {
        this.hold = hold;
        this.report();
        options.server.onHold?.(hold);
      },
    });
    this.delivery = new Delivery({
      client: this.client,
      attempts: this.attempts,
      batchBytes: options.batchBytes ?? 16 * 2 ** 20,
      ...(options.signal ? { signal: options.signal } : {}),
      file: uid => options.journal.file(session.id, uid),
      apply: (entry, event, change) => this.ledger.apply(entry, event, change),
      listed: seriesUid => this.list(seriesUid),
    });
    this.verification = new Verification(
      session.studyInstanceUid,
      this.client,
      this.ledger,
      seriesUid => this.list(seriesUid),
      this.attempts,
      options.signal,
    );
  }

  async run(instances: AsyncIterable<StorableInstance> | Iterable<StorableInstance>): Promise<StoreReport> {
    const { signal } = this.options;
    try {
      signal?.throwIfAborted();
      this.step('start');
      await this.recover();
      await this.feed(instances);
      await this.deliverAndVerify();
    } catch (error) {
      if (!signal?.aborted) throw error;
      this.step('cancel');
    }
    const report = makeReport({
      session: this.session,
      entries: this.ledger.all,
      compared: this.verification.compared,
      cancelled: this.state === 'cancelled',
      stoppedBy: this.stoppedBy,
      target: this.client.roots.stow,
      bytesSent: this.delivery.bytesSent,
      finishedAt: new Date().toISOString(),
    });
    if (report.outcome === 'done') await this.options.journal.remove(this.session.id);
    return report;
  }

  /** What a reload or an earlier run left: a request cut off tells nothing, and what failed is worth one more try when asked. */
  private async recover(): Promise<void> {
    for (const entry of this.ledger.all) {
      if (entry.state === 'sending') await this.ledger.apply(entry, 'lose', { compare: true });
      else if (entry.state === 'failed' || entry.state === 'mismatch')
        await this.ledger.apply(entry, 'retry', { reason: null, attempts: 0 });
    }
    await this.delivery.reconcile(this.ledger.in('unconfirmed'));
    await this.dropVanished();
  }

  /** An archive may have let go of what an earlier run stored and read back. Its file is gone from the journal, so it has to be made again. */
  private async dropVanished(): Promise<void> {
    const stored = [...this.ledger.in('stored'), ...this.ledger.in('present')];
    for (const seriesUid of new Set(stored.map(entry => entry.seriesInstanceUid))) {
      const list = await this.list(seriesUid);
      if (list === null) return this.noList();
      for (const entry of stored.filter(({ seriesInstanceUid }) => seriesInstanceUid === seriesUid)) {
        if (list.has(entry.sopInstanceUid)) continue;
        await this.ledger.apply(entry, 'absent');
        this.ledger.forget(entry);
      }
    }
  }

  private noList(): void {
    this.stoppedBy ??= { kind: 'fault', code: 'store-unreachable', url: this.client.roots.qido };
  }

  /** Into the journal as it comes, and out in batches; after the server is given up on, only into the journal. */
  private async feed(instances: AsyncIterable<StorableInstance> | Iterable<StorableInstance>): Promise<void> {
    const outbox = new Outbox(
      entries => this.delivery.fills(entries),
      entries => this.deliver(entries),
    );
    const take = async (entry: Entry | null) => {
      const looked = entry && (await this.lookFor(entry));
      if (looked?.state === 'pending') outbox.add(looked);
    };
    try {
      for (const entry of this.ledger.in('pending')) await take(entry);
      for await (const instance of instances) await take(await this.admit(instance));
    } catch (error) {
      await outbox.settled();
      // What feeds us broke (the denoising job, a full disk under the journal): what we have is still stored.
      if (this.options.signal?.aborted || !(error instanceof DenoiseError) || error.notice.kind !== 'fault')
        throw error;
      this.stoppedBy = error.notice;
    }
    await outbox.flush();
  }

  /** What the server had before is not sent again: it keeps the pixels it was given first, and they are compared with ours later. */
  private async lookFor(entry: Entry): Promise<Entry> {
    const { seriesInstanceUid, sopInstanceUid } = entry;
    if (!this.known.has(seriesInstanceUid))
      this.known.set(seriesInstanceUid, await this.list(seriesInstanceUid));
    const known = this.known.get(seriesInstanceUid);
    if (known)
      return known.has(sopInstanceUid) ? this.ledger.apply(entry, 'found', { compare: true }) : entry;
    // Without a list, a 200 may be the answer to other pixels: each is read back.
    return this.ledger.save({ ...entry, compare: true });
  }

  private async admit(instance: StorableInstance): Promise<Entry | null> {
    this.options.signal?.throwIfAborted();
    const { sopInstanceUid, seriesInstanceUid, part10, pixelHash } = instance;
    const before = this.ledger.get(sopInstanceUid);
    if (before) {
      if (before.pixelHash === pixelHash) return null;
      throw new Error(
        `two instances with the UID ${sopInstanceUid} and different pixels were given to one store`,
      );
    }
    await this.options.journal.putFile(this.session.id, sopInstanceUid, part10);
    const { byteLength } = part10;
    return this.ledger.save({
      sopInstanceUid,
      seriesInstanceUid,
      byteLength,
      pixelHash,
      state: 'pending',
      attempts: 0,
      compare: false,
    });
  }

  private async deliver(entries: readonly Entry[]): Promise<void> {
    if (this.stopped()) return;
    const fault = await this.delivery.deliver(entries);
    this.stoppedBy ??= fault;
  }

  /** True when the server was given up on; a feeding fault still lets what was fed be sent. */
  private stopped(): boolean {
    return this.stoppedBy?.code === 'store-unreachable' || this.stoppedBy?.code === 'store-refused';
  }

  private async deliverAndVerify(): Promise<void> {
    for (let round = 1; ; round++) {
      if (this.stopped()) return this.step('fall-short');
      this.step('drain');
      if (!(await this.verification.verifyListed(round >= this.attempts))) {
        this.noList();
        return this.step('fall-short');
      }
      const absent = this.ledger.in('pending');
      if (absent.length === 0) break;
      this.step('resend');
      await this.deliver(absent);
    }
    await this.verification.comparePixels();
    this.step(isComplete(this.ledger.all, this.session.expected) ? 'complete' : 'fall-short');
  }

  /** Null when the server would not say. */
  private async list(seriesUid: string): Promise<Set<string> | null> {
    try {
      return await this.client.listInstances(this.session.studyInstanceUid, seriesUid, this.options.signal);
    } catch (error) {
      this.options.signal?.throwIfAborted();
      if (error instanceof ReadRefused || error instanceof NoAnswer) return null;
      throw error;
    }
  }

  private step(event: SessionEvent): void {
    this.state = next(SESSION_TABLE, this.state, event);
    this.report();
  }

  private report(): void {
    const { state, hold } = this;
    const { bytesSent } = this.delivery;
    this.options.onProgress?.({ state, hold, bytesSent, ...this.ledger.progress(state) });
  }
}
