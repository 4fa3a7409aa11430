import type { DicomWebClient } from './dicomweb';
import type { JournalEntry } from './journal';
import type { Ledger } from './ledger';
import { readBack, unverified } from './read-back';
import { sampleOf } from './sample';

/** What the server is asked after it was sent instances: whether it lists them, and whether it gives their pixels back. */
export class Verification {
  /** SOP Instance UIDs whose own pixels were read back. */
  readonly compared = new Set<string>();

  constructor(
    private readonly studyInstanceUid: string,
    private readonly client: DicomWebClient,
    private readonly ledger: Ledger,
    /** Null when the server would not say. */
    private readonly list: (seriesInstanceUid: string) => Promise<Set<string> | null>,
    private readonly attempts: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * Asks for the list until it names all we believe to be there: an archive may index a moment after it answers. What stays
   * absent is to be sent again, or fails when `last`. False when the server gives no list.
   */
  async verifyListed(last: boolean): Promise<boolean> {
    const believed = [...this.ledger.in('accepted'), ...this.ledger.in('existing')];
    let absent: JournalEntry[] = believed;
    for (let look = 1; absent.length > 0 && look <= 4; look++) {
      if (look > 1) await this.client.backoff(look, null, this.signal);
      const lists = new Map<string, Set<string>>();
      for (const seriesUid of new Set(absent.map(entry => entry.seriesInstanceUid))) {
        const list = await this.list(seriesUid);
        if (list === null) return false;
        lists.set(seriesUid, list);
      }
      absent = absent.filter(entry => !lists.get(entry.seriesInstanceUid)!.has(entry.sopInstanceUid));
    }
    for (const entry of absent) {
      const pending = await this.ledger.apply(entry, 'absent');
      if (last || pending.attempts >= this.attempts) {
        await this.ledger.apply(pending, 'refuse', { reason: { code: 'missing-after-store' } });
      }
    }
    return true;
  }

  /** A sample of what we stored and all that is in doubt. */
  async comparePixels(): Promise<void> {
    const accepted = this.ledger.in('accepted');
    const doubtful = [...this.ledger.in('existing'), ...accepted.filter(entry => entry.compare)];
    const sure = accepted.filter(entry => !entry.compare);
    const sample = sampleOf(sure);
    for (const entry of [...doubtful, ...sample]) await this.compare(entry);
    const sampled = new Set(sample.map(entry => entry.sopInstanceUid));
    // One wrong answer in a sample says that the sample is not enough.
    const suspect = this.ledger.in('mismatch').some(entry => sampled.has(entry.sopInstanceUid));
    for (const entry of sure.filter(({ sopInstanceUid }) => !sampled.has(sopInstanceUid))) {
      if (suspect) await this.compare(entry);
      else await this.ledger.confirm(entry);
    }
  }

  private async compare(entry: JournalEntry): Promise<void> {
    const { sopInstanceUid } = entry;
    let hash: string;
    try {
      hash = await readBack(this.client, this.studyInstanceUid, entry, this.signal);
    } catch (error) {
      this.signal?.throwIfAborted();
      await this.ledger.save({ ...entry, reason: unverified(error) });
      return;
    }
    this.compared.add(sopInstanceUid);
    if (hash === entry.pixelHash) await this.ledger.confirm(entry);
    else await this.ledger.apply(entry, 'differ', { reason: { code: 'other-pixels' } });
  }
}
