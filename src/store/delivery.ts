/**
 * Gets instances to the server and reads what became of each. The status says little: servers answer 400 for a request of which a part
 * was stored, 200 with failures in the body, and nothing at all when the connection breaks after all was stored. So the body
 * is read at every status, and what it does not name is looked up in the server's own list.
 */
import type { Fault } from '../notices';
import { isPassing, NoAnswer, type DicomWebClient, type HttpReply } from './dicomweb';
import type { JournalEntry } from './journal';
import type { FailureReason } from './failure-reason';
import type { InstanceEvent } from './states';
import { classOfReason, readStowResponse, type StowResponse } from './stow-response';

export type Entry = JournalEntry;

export interface DeliveryContext {
  readonly client: DicomWebClient;
  readonly attempts: number;
  readonly batchBytes: number;
  readonly signal?: AbortSignal;
  readonly file: (sopInstanceUid: string) => Promise<Blob>;
  /** Moves the entry by the table, writes the journal, gives the entry after. */
  readonly apply: (entry: Entry, event: InstanceEvent, change?: Partial<Entry>) => Promise<Entry>;
  /** UIDs the server lists for a series; null when it would not say. */
  readonly listed: (seriesInstanceUid: string) => Promise<Set<string> | null>;
}

/** What a request taught us beyond its instances. */
interface Lesson {
  /** Wait before the next request. */
  readonly wait: boolean;
  readonly retryAfterMs: number | null;
  /** The server takes nothing from us: stop. */
  readonly fault: Fault | null;
}

const GO_ON: Lesson = { wait: false, retryAfterMs: null, fault: null };
/** Small enough that a refused request costs little, large enough that round trips do not count. */
const MAX_INSTANCES = 32;
/** A batch that fails this often is sent one by one, in case one instance breaks the server. */
const BATCH_ATTEMPTS = 2;
/** Instances given up in a row, with no success between, before the server is given up. */
const MAX_GIVEN_UP = 2;

export class Delivery {
  bytesSent = 0;
  private limitBytes: number;
  /** Requests in a row that failed as a whole. */
  private failures = 0;
  private givenUp = 0;
  private readonly alone = new Set<string>();

  constructor(private readonly context: DeliveryContext) {
    this.limitBytes = context.batchBytes;
  }

  /** True when `entries` make a full request. */
  fills(entries: readonly Entry[]): boolean {
    return entries.length >= MAX_INSTANCES || sizeOf(entries) >= this.limitBytes;
  }

  /**
   * Sends pending entries until each is accepted, existing or failed. Returns a fault when the server is to be given up; then some
   * are still pending. @throws the signal's reason
   */
  async deliver(entries: readonly Entry[]): Promise<Fault | null> {
    let pending = [...entries];
    while (pending.length > 0) {
      const left: Entry[] = [];
      const batches = this.split(pending);
      for (const [index, batch] of batches.entries()) {
        const { after, lesson } = await this.send(batch);
        left.push(...after.filter(entry => entry.state === 'pending'));
        if (lesson.fault) return lesson.fault;
        if (lesson.wait) {
          left.push(...batches.slice(index + 1).flat());
          await this.context.client.backoff(
            Math.max(1, this.failures),
            lesson.retryAfterMs,
            this.context.signal,
          );
          break;
        }
      }
      pending = left;
    }
    return null;
  }

  /** Looks unconfirmed entries up in the server's list. With no list they are sent again: the UID keeps them from doubling. */
  async reconcile(entries: readonly Entry[]): Promise<Entry[]> {
    const lists = new Map<string, Set<string> | null>();
    for (const uid of new Set(entries.map(entry => entry.seriesInstanceUid)))
      lists.set(uid, await this.context.listed(uid));
    const after: Entry[] = [];
    for (const entry of entries) {
      const found = lists.get(entry.seriesInstanceUid)?.has(entry.sopInstanceUid) ?? false;
      after.push(await this.context.apply(entry, found ? 'found' : 'absent'));
    }
    return after;
  }

  private split(entries: readonly Entry[]): Entry[][] {
    const batches: Entry[][] = entries
      .filter(entry => this.alone.has(entry.sopInstanceUid))
      .map(entry => [entry]);
    let batch: Entry[] = [];
    for (const entry of entries) {
      if (this.alone.has(entry.sopInstanceUid)) continue;
      if (
        batch.length > 0 &&
        (batch.length >= MAX_INSTANCES || sizeOf(batch) + entry.byteLength > this.limitBytes)
      ) {
        batches.push(batch);
        batch = [];
      }
      batch.push(entry);
    }
    if (batch.length > 0) batches.push(batch);
    return batches;
  }

  private async send(batch: readonly Entry[]): Promise<{ after: Entry[]; lesson: Lesson }> {
    const sending: Entry[] = [];
    const files: Blob[] = [];
    for (const entry of batch) {
      files.push(await this.context.file(entry.sopInstanceUid));
      sending.push(await this.context.apply(entry, 'send', { attempts: entry.attempts + 1 }));
    }
    this.bytesSent += sizeOf(batch);
    let reply: HttpReply;
    try {
      reply = await this.context.client.stow(files, this.context.signal);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return this.afterFailure(sending, { code: 'unreachable' }, null, {
        kind: 'fault',
        code: 'store-unreachable',
        url: this.context.client.roots.stow,
      });
    }
    return this.afterReply(sending, reply);
  }

  private async afterReply(
    sending: readonly Entry[],
    reply: HttpReply,
  ): Promise<{ after: Entry[]; lesson: Lesson }> {
    const { status } = reply;
    const answer = readStowResponse(new TextDecoder().decode(reply.bytes));
    const named = await this.applyNamed(sending, answer);
    const unnamed = sending.filter(entry => !named.has(entry.sopInstanceUid));
    const after = [...named.values()];
    if (after.some(entry => entry.state === 'accepted' || entry.state === 'existing'))
      this.failures = this.givenUp = 0;
    const refused: Fault = { kind: 'fault', code: 'store-refused', status };
    const delayed = after.some(entry => entry.state === 'pending');
    if (delayed) this.failures++;
    // Attempts used up for want of space, and none stored: the next ones would only be refused too.
    const full = this.failures > 0 && after.some(entry => entry.reason?.code === 'server-full');
    const waits: Lesson = { wait: delayed, retryAfterMs: reply.retryAfterMs, fault: full ? refused : null };

    if (unnamed.length === 0) return { after, lesson: waits };
    if (status >= 200 && status < 300) {
      // Believed until the list is asked at the end: an archive that takes a moment to index must not be sent the same again meanwhile.
      for (const entry of unnamed) after.push(await this.context.apply(entry, 'accept'));
      return { after, lesson: waits };
    }
    if (status === 413) {
      after.push(...(await this.shrink(unnamed)));
      return { after, lesson: waits };
    }
    if (isPassing(status)) {
      const reason: FailureReason =
        status === 507 ? { code: 'server-full' } : { code: 'server-error', status };
      const rest = await this.afterFailure(unnamed, reason, reply.retryAfterMs, refused);
      return { after: [...after, ...rest.after], lesson: rest.lesson };
    }
    if (status === 400 || status === 409) {
      const [other] = answer.others;
      const reason: FailureReason = other
        ? { code: 'failure-reason', value: other }
        : { code: 'refused', status };
      if (sending.length > 1) for (const entry of unnamed) this.alone.add(entry.sopInstanceUid);
      after.push(...(await this.lookUp(unnamed, reason, sending.length === 1)));
      return { after, lesson: waits };
    }
    // 401, 403, 404, 405, 406, 415, ...: it would say the same to any other instance.
    for (const entry of unnamed)
      after.push(await this.context.apply(entry, 'delay', { attempts: entry.attempts - 1 }));
    return { after, lesson: { ...GO_ON, fault: refused } };
  }

  /** What the body says of single instances, by UID. */
  private async applyNamed(sending: readonly Entry[], answer: StowResponse): Promise<Map<string, Entry>> {
    const named = new Map<string, Entry>();
    for (const entry of sending) {
      const uid = entry.sopInstanceUid;
      const warning = answer.stored.get(uid);
      const value = answer.failed.get(uid);
      if (warning !== undefined) {
        // Who changed an attribute may have changed more: what has a warning is compared.
        const change = warning === null ? {} : { warning, compare: true };
        named.set(uid, await this.context.apply(entry, 'accept', change));
      } else if (value !== undefined) {
        const kind = classOfReason(value);
        const reason: FailureReason = value.startsWith('A7')
          ? { code: 'server-full' }
          : { code: 'failure-reason', value };
        if (kind === 'duplicate')
          named.set(uid, await this.context.apply(entry, 'duplicate', { compare: true }));
        else if (kind === 'retry' && entry.attempts < this.context.attempts)
          named.set(uid, await this.context.apply(entry, 'delay'));
        else named.set(uid, await this.context.apply(entry, 'refuse', { reason }));
      }
    }
    return named;
  }

  /**
   * Entries the answer does not name: there, or to be sent again, or failed with `reason` when this was the last attempt or `final`.
   * The pixels of what is found are compared one by one.
   */
  private async lookUp(entries: readonly Entry[], reason: FailureReason, final = false): Promise<Entry[]> {
    const lost: Entry[] = [];
    for (const entry of entries) lost.push(await this.context.apply(entry, 'lose', { compare: true }));
    const after: Entry[] = [];
    for (const entry of await this.reconcile(lost)) {
      const over = entry.state === 'pending' && (final || entry.attempts >= this.context.attempts);
      after.push(over ? await this.context.apply(entry, 'refuse', { reason }) : entry);
    }
    return after;
  }

  private async shrink(entries: readonly Entry[]): Promise<Entry[]> {
    const after: Entry[] = [];
    if (entries.length === 1) {
      const [entry] = entries as [Entry];
      return [
        await this.context.apply(entry, 'refuse', { reason: { code: 'too-large', bytes: entry.byteLength } }),
      ];
    }
    this.limitBytes = Math.floor(Math.min(this.limitBytes, sizeOf(entries)) / 2);
    for (const entry of entries)
      after.push(await this.context.apply(entry, 'delay', { attempts: entry.attempts - 1 }));
    return after;
  }

  /** The request failed as a whole, and may not the next time. */
  private async afterFailure(
    entries: readonly Entry[],
    reason: FailureReason,
    retryAfterMs: number | null,
    fault: Fault,
  ): Promise<{ after: Entry[]; lesson: Lesson }> {
    this.failures++;
    if (entries.length > 1 && this.failures >= BATCH_ATTEMPTS) {
      for (const entry of entries) this.alone.add(entry.sopInstanceUid);
    }
    const after = await this.lookUp(entries, reason);
    if (after.some(entry => entry.state === 'accepted')) this.failures = this.givenUp = 0;
    const given = after.filter(entry => entry.state === 'failed').length;
    this.givenUp += given;
    if (given > 0) this.failures = 0;
    if (this.givenUp >= MAX_GIVEN_UP) return { after, lesson: { ...GO_ON, fault } };
    return {
      after,
      lesson: { wait: after.some(entry => entry.state === 'pending'), retryAfterMs, fault: null },
    };
  }
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.byteLength, 0);
}
