/**
 * Storing one derived series, whatever the server does: journal first, send in batches, believe nothing that is not read back.
 * The rules of the answers are in delivery.ts; this file holds the run: feed, deliver, verify, report.
 */
import { v4 as randomUuid } from 'uuid';
import { DenoiseError, type Fault } from '../notices';
import { Delivery, type Entry } from './delivery';
import { DicomWebClient, NoAnswer, ReadRefused } from './dicomweb';
import { forgetAbandoned, type JournalSession } from './journal';
import type {
  ResumeOptions,
  StorableInstance,
  StoreOptions,
  StoreProgress,
  StoreSeriesOptions,
} from './options';
import { Outbox } from './outbox';
import { readBack, unverified } from './read-back';
import { isComplete, makeReport, type StoreReport } from './report';
import { sampleOf } from './sample';
import {
  INSTANCE_TABLE,
  next,
  SESSION_TABLE,
  type InstanceEvent,
  type SessionEvent,
  type SessionState,
} from './states';
import { journalWithFaults } from './journal-faults';

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
  private readonly entries = new Map<string, Entry>();
  /** UIDs the server listed when we first asked about a series; null when it would not say. */
  private readonly known = new Map<string, Set<string> | null>();
  private readonly compared = new Set<string>();
  private readonly client: DicomWebClient;
  private readonly delivery: Delivery;
  private readonly startedMs = Date.now();
  private stoppedBy: Fault | null = null;

  constructor(
    private readonly session: JournalSession,
    entries: readonly Entry[],
    private readonly options: StoreOptions,
  ) {
    for (const entry of entries) this.entries.set(entry.sopInstanceUid, entry);
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
      attempts: options.attempts ?? 5,
      batchBytes: options.batchBytes ?? 16 * 2 ** 20,
      ...(options.signal ? { signal: options.signal } : {}),
      file: uid => options.journal.file(session.id, uid),
      apply: (entry, event, change) => this.apply(entry, event, change),
      listed: seriesUid => this.list(seriesUid),
    });
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
      entries: [...this.entries.values()],
      compared: this.compared,
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
    for (const entry of [...this.entries.values()]) {
      if (entry.state === 'sending') await this.apply(entry, 'lose', { compare: true });
      else if (entry.state === 'failed' || entry.state === 'mismatch')
        await this.apply(entry, 'retry', { reason: null, attempts: 0 });
    }
    await this.delivery.reconcile(this.in('unconfirmed'));
    await this.dropVanished();
  }

  /** An archive may have let go of what an earlier run stored and read back. Its file is gone from the journal, so it has to be made again. */
  private async dropVanished(): Promise<void> {
    const stored = [...this.in('stored'), ...this.in('present')];
    for (const seriesUid of new Set(stored.map(entry => entry.seriesInstanceUid))) {
      const list = await this.list(seriesUid);
      if (list === null) return this.noList();
      for (const entry of stored.filter(({ seriesInstanceUid }) => seriesInstanceUid === seriesUid)) {
        if (list.has(entry.sopInstanceUid)) continue;
        await this.apply(entry, 'absent');
        this.entries.delete(entry.sopInstanceUid);
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
      for (const entry of this.in('pending')) await take(entry);
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
    if (known) return known.has(sopInstanceUid) ? this.apply(entry, 'found', { compare: true }) : entry;
    // Without a list, a 200 may be the answer to other pixels: each is read back.
    return this.save({ ...entry, compare: true });
  }

  private async admit(instance: StorableInstance): Promise<Entry | null> {
    this.options.signal?.throwIfAborted();
    const { sopInstanceUid, seriesInstanceUid, part10, pixelHash } = instance;
    const before = this.entries.get(sopInstanceUid);
    if (before) {
      if (before.pixelHash === pixelHash) return null;
      throw new Error(
        `two instances with the UID ${sopInstanceUid} and different pixels were given to one store`,
      );
    }
    await this.options.journal.putFile(this.session.id, sopInstanceUid, part10);
    const { byteLength } = part10;
    return this.save({
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
    const rounds = this.options.attempts ?? 5;
    for (let round = 1; ; round++) {
      if (this.stopped()) return this.step('fall-short');
      this.step('drain');
      if (!(await this.verifyListed(round >= rounds))) return this.step('fall-short');
      const absent = this.in('pending');
      if (absent.length === 0) break;
      this.step('resend');
      await this.deliver(absent);
    }
    await this.comparePixels();
    this.step(isComplete([...this.entries.values()], this.session.expected) ? 'complete' : 'fall-short');
  }

  /**
   * Asks for the list until it names all we believe to be there: an archive may index a moment after it answers. What stays
   * absent is to be sent again, or fails when `last`. False when the server gives no list.
   */
  private async verifyListed(last: boolean): Promise<boolean> {
    const believed = [...this.in('accepted'), ...this.in('existing')];
    let absent: Entry[] = believed;
    for (let look = 1; absent.length > 0 && look <= 4; look++) {
      if (look > 1) await this.client.backoff(look, null, this.options.signal);
      const lists = new Map<string, Set<string>>();
      for (const seriesUid of new Set(absent.map(entry => entry.seriesInstanceUid))) {
        const list = await this.list(seriesUid);
        if (list === null) {
          this.noList();
          return false;
        }
        lists.set(seriesUid, list);
      }
      absent = absent.filter(entry => !lists.get(entry.seriesInstanceUid)!.has(entry.sopInstanceUid));
    }
    for (const entry of absent) {
      const pending = await this.apply(entry, 'absent');
      if (last || pending.attempts >= (this.options.attempts ?? 5)) {
        await this.apply(pending, 'refuse', { reason: { code: 'missing-after-store' } });
      }
    }
    return true;
  }

  /** A sample of what we stored and all that is in doubt. */
  private async comparePixels(): Promise<void> {
    const accepted = this.in('accepted');
    const doubtful = [...this.in('existing'), ...accepted.filter(entry => entry.compare)];
    const sure = accepted.filter(entry => !entry.compare);
    const sample = sampleOf(sure);
    for (const entry of [...doubtful, ...sample]) await this.compare(entry);
    const sampled = new Set(sample.map(entry => entry.sopInstanceUid));
    // One wrong answer in a sample says that the sample is not enough.
    const suspect = this.in('mismatch').some(entry => sampled.has(entry.sopInstanceUid));
    for (const entry of sure.filter(({ sopInstanceUid }) => !sampled.has(sopInstanceUid))) {
      if (suspect) await this.compare(entry);
      else await this.confirm(entry);
    }
  }

  private async compare(entry: Entry): Promise<void> {
    const { sopInstanceUid } = entry;
    let hash: string;
    try {
      hash = await readBack(this.client, this.session.studyInstanceUid, entry, this.options.signal);
    } catch (error) {
      this.options.signal?.throwIfAborted();
      await this.save({ ...entry, reason: unverified(error) });
      return;
    }
    this.compared.add(sopInstanceUid);
    if (hash === entry.pixelHash) await this.confirm(entry);
    else await this.apply(entry, 'differ', { reason: { code: 'other-pixels' } });
  }

  private async confirm(entry: Entry): Promise<void> {
    await this.apply(entry, 'verify', { reason: null });
    await this.options.journal.removeFile(this.session.id, entry.sopInstanceUid);
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

  private in(state: Entry['state']): Entry[] {
    return [...this.entries.values()].filter(entry => entry.state === state);
  }

  private apply(entry: Entry, event: InstanceEvent, change: Partial<Entry> = {}): Promise<Entry> {
    return this.save({ ...entry, ...change, state: next(INSTANCE_TABLE, entry.state, event) });
  }

  private async save(entry: Entry): Promise<Entry> {
    this.entries.set(entry.sopInstanceUid, entry);
    await this.options.journal.put(this.session.id, entry);
    this.report();
    return entry;
  }

  private step(event: SessionEvent): void {
    this.state = next(SESSION_TABLE, this.state, event);
    this.report();
  }

  private report(): void {
    if (!this.options.onProgress) return;
    const inArchive = ['accepted', 'existing', 'stored', 'present'] as const;
    const done = inArchive.reduce((sum, state) => sum + this.in(state).length, 0);
    const failed = this.in('failed').length + this.in('mismatch').length;
    const perInstance = (Date.now() - this.startedMs) / 1000 / Math.max(1, done + failed);
    const left = this.session.expected - done - failed;
    this.options.onProgress({
      state: this.state,
      hold: this.hold,
      inArchive: done,
      failed,
      expected: this.session.expected,
      bytesSent: this.delivery.bytesSent,
      secondsLeft: this.state === 'sending' && done + failed > 0 ? Math.ceil(left * perInstance) : null,
    });
  }
}
