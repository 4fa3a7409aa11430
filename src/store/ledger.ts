import type { StoreProgress } from './options';
import type { JournalEntry, JournalSession, JournalStore } from './journal';
import { INSTANCE_TABLE, next, type InstanceEvent, type SessionState } from './states';

/** The entries of one session: every change goes through the table of states and into the journal. */
export class Ledger {
  private readonly entries = new Map<string, JournalEntry>();
  private readonly startedMs = Date.now();

  constructor(
    private readonly session: JournalSession,
    private readonly journal: JournalStore,
    entries: readonly JournalEntry[],
    private readonly changed: () => void,
  ) {
    for (const entry of entries) this.entries.set(entry.sopInstanceUid, entry);
  }

  get all(): JournalEntry[] {
    return [...this.entries.values()];
  }

  get(sopInstanceUid: string): JournalEntry | undefined {
    return this.entries.get(sopInstanceUid);
  }

  in(state: JournalEntry['state']): JournalEntry[] {
    return this.all.filter(entry => entry.state === state);
  }

  apply(
    entry: JournalEntry,
    event: InstanceEvent,
    change: Partial<JournalEntry> = {},
  ): Promise<JournalEntry> {
    return this.save({ ...entry, ...change, state: next(INSTANCE_TABLE, entry.state, event) });
  }

  async save(entry: JournalEntry): Promise<JournalEntry> {
    this.entries.set(entry.sopInstanceUid, entry);
    await this.journal.put(this.session.id, entry);
    this.changed();
    return entry;
  }

  /** The server has it: its file is not needed any more. */
  async confirm(entry: JournalEntry): Promise<void> {
    await this.apply(entry, 'verify', { reason: null });
    await this.journal.removeFile(this.session.id, entry.sopInstanceUid);
  }

  /** As one that was never fed. */
  forget({ sopInstanceUid }: JournalEntry): void {
    this.entries.delete(sopInstanceUid);
  }

  progress(state: SessionState): Omit<StoreProgress, 'state' | 'hold' | 'bytesSent'> {
    const inArchive = (['accepted', 'existing', 'stored', 'present'] as const).reduce(
      (sum, one) => sum + this.in(one).length,
      0,
    );
    const failed = this.in('failed').length + this.in('mismatch').length;
    const settled = inArchive + failed;
    const perInstance = (Date.now() - this.startedMs) / 1000 / Math.max(1, settled);
    const { expected } = this.session;
    const secondsLeft =
      state === 'sending' && settled > 0 ? Math.ceil((expected - settled) * perInstance) : null;
    return { inArchive, failed, expected, secondsLeft };
  }
}
