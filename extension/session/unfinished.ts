import type { JournalStore } from '../../src/store';
import type { UnfinishedStore } from './save-state';

const LOCK = 'iscl-store ';

/** The journal of stores in this browser, and which of them stopped half-way. */
export class UnfinishedStores {
  private journal: Promise<JournalStore> | null = null;

  openJournal(): Promise<JournalStore> {
    this.journal ??= import('./save-tools').then(({ indexedDbJournal }) => indexedDbJournal());
    this.journal.catch(() => (this.journal = null));
    return this.journal;
  }

  /** Stores to this archive that stopped half-way, without those that another tab is working on. */
  async list(stowRoot: string | undefined): Promise<readonly UnfinishedStore[]> {
    try {
      const elsewhere = await sessionsAtWork();
      const journal = await this.openJournal();
      const { isStored } = await import('./save-tools');
      const open: UnfinishedStore[] = [];
      for (const session of await journal.sessions()) {
        if (session.target !== stowRoot || elsewhere.has(session.id)) continue;
        const entries = await journal.entries(session.id);
        const inArchive = entries.filter(isStored).length;
        open.push({ ...session, inArchive, kept: entries.length - inArchive });
      }
      return open;
    } catch {
      // A journal that cannot be read has nothing to offer; storing tells what is wrong with it.
      return [];
    }
  }

  async has(sessionId: string): Promise<boolean> {
    return (await (await this.openJournal()).sessions()).some(({ id }) => id === sessionId);
  }

  /** @throws DenoiseError `store-journal` */
  async discard(sessionId: string): Promise<void> {
    await (await this.openJournal()).remove(sessionId);
  }
}

/**
 * Runs `act` while no other tab works on the same store: two would take each other's files away. Pages over plain HTTP have no Web Locks;
 * there the second tab says that it failed, and the first goes on.
 */
export async function alone<Result>(
  sessionId: string,
  signal: AbortSignal,
  act: () => Promise<Result>,
): Promise<Result> {
  if (!navigator.locks) return act();
  return await navigator.locks.request(`${LOCK}${sessionId}`, { signal }, act);
}

async function sessionsAtWork(): Promise<Set<string>> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return new Set(held.flatMap(({ name }) => (name?.startsWith(LOCK) ? name.slice(LOCK.length) : [])));
}
