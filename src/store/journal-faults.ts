import { DenoiseError } from '../notices';
import { whyNotWritten } from './folder';
import type { JournalStore } from './journal';

/** The journal, with what goes wrong with it as a fault that people can be told: a disk or a browser's quota that is full, a folder that is gone. */
export function journalWithFaults(journal: JournalStore): JournalStore {
  const told = async <T>(promise: Promise<T>): Promise<T> => {
    try {
      return await promise;
    } catch (cause) {
      const notice = { kind: 'fault', code: 'store-journal', what: whyNotWritten(cause) } as const;
      throw new DenoiseError(notice, { cause });
    }
  };
  return {
    sessions: () => told(journal.sessions()),
    open: session => told(journal.open(session)),
    entries: id => told(journal.entries(id)),
    put: (id, entry) => told(journal.put(id, entry)),
    putFile: (id, uid, part10) => told(journal.putFile(id, uid, part10)),
    file: (id, uid) => told(journal.file(id, uid)),
    removeFile: (id, uid) => told(journal.removeFile(id, uid)),
    remove: id => told(journal.remove(id)),
  };
}
