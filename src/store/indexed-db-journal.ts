import { openDB, type DBSchema } from 'idb';
import {
  blobOf,
  isStored,
  type FileStore,
  type JournalEntry,
  type JournalSession,
  type JournalStore,
} from './journal';

interface Schema extends DBSchema {
  sessions: { key: string; value: JournalSession };
  entries: { key: [string, string]; value: JournalEntry & { sessionId: string } };
  files: { key: [string, string]; value: ArrayBuffer };
}

const everyKeyOf = (sessionId: string) => IDBKeyRange.bound([sessionId], [sessionId, []]);

/**
 * The journal in IndexedDB; the files in the origin private file system where the browser can write to it from where we are
 * (Safari before 26 cannot outside a worker), else in IndexedDB too.
 */
export async function indexedDbJournal(name = 'iscl-store', files?: FileStore): Promise<JournalStore> {
  const db = await openDB<Schema>(name, 1, {
    upgrade(database) {
      database.createObjectStore('sessions', { keyPath: 'id' });
      database.createObjectStore('entries', { keyPath: ['sessionId', 'sopInstanceUid'] });
      database.createObjectStore('files');
    },
  });
  const inDb: FileStore = {
    async put(sessionId, uid, bytes) {
      // A view may lie in a larger buffer, and IndexedDB clones the whole of it.
      await db.put('files', bytes.slice().buffer, [sessionId, uid]);
    },
    async get(sessionId, uid) {
      const buffer = await db.get('files', [sessionId, uid]);
      if (!buffer) throw new Error(`the journal has no file for ${uid}`);
      return blobOf(new Uint8Array(buffer));
    },
    has: async (sessionId, uid) => (await db.count('files', [sessionId, uid])) > 0,
    async remove(sessionId, uid) {
      await db.delete('files', uid === undefined ? everyKeyOf(sessionId) : [sessionId, uid]);
    },
  };
  const store = files ?? (await originPrivateFiles(name)) ?? inDb;
  return {
    sessions: () => db.getAll('sessions'),
    async open(session) {
      await db.put('sessions', session);
    },
    async entries(sessionId) {
      const entries = await db.getAll('entries', everyKeyOf(sessionId));
      const kept = await Promise.all(
        entries.map(async entry => isStored(entry) || (await store.has(sessionId, entry.sopInstanceUid))),
      );
      return entries.filter((_, i) => kept[i]);
    },
    async put(sessionId, entry) {
      await db.put('entries', { ...entry, sessionId });
    },
    putFile: (sessionId, uid, part10) => store.put(sessionId, uid, part10),
    file: (sessionId, uid) => store.get(sessionId, uid),
    removeFile: (sessionId, uid) => store.remove(sessionId, uid),
    async remove(sessionId) {
      await store.remove(sessionId);
      await db.delete('entries', everyKeyOf(sessionId));
      await db.delete('sessions', sessionId);
    },
  };
}

/** Files in the origin private file system; null where there is none or it cannot be written from here. */
export async function originPrivateFiles(
  name: string,
  getDirectory = (): Promise<FileSystemDirectoryHandle> | undefined => navigator.storage?.getDirectory?.(),
): Promise<FileStore | null> {
  let root: FileSystemDirectoryHandle;
  try {
    const origin = await getDirectory();
    if (!origin) return null;
    root = await origin.getDirectoryHandle(name, { create: true });
    const probe = await root.getFileHandle('probe', { create: true });
    if (typeof probe.createWritable !== 'function') return null;
    await root.removeEntry('probe');
  } catch {
    // A private window or a blocked origin: IndexedDB is tried next, and says so itself when it cannot either.
    return null;
  }
  // A session may be named by the address of its archive; slashes and colons are no name of a folder.
  const nameOf = (sessionId: string) => encodeURIComponent(sessionId);
  const folder = (sessionId: string) => root.getDirectoryHandle(nameOf(sessionId), { create: true });
  return {
    async put(sessionId, uid, bytes) {
      const handle = await (await folder(sessionId)).getFileHandle(`${uid}.dcm`, { create: true });
      const writable = await handle.createWritable();
      await writable.write(bytes as Uint8Array<ArrayBuffer>);
      await writable.close();
    },
    async get(sessionId, uid) {
      return (await (await folder(sessionId)).getFileHandle(`${uid}.dcm`)).getFile();
    },
    async has(sessionId, uid) {
      try {
        await (await folder(sessionId)).getFileHandle(`${uid}.dcm`);
        return true;
      } catch (error) {
        if ((error as DOMException).name === 'NotFoundError') return false;
        throw error;
      }
    },
    async remove(sessionId, uid) {
      try {
        if (uid === undefined) await root.removeEntry(nameOf(sessionId), { recursive: true });
        else await (await folder(sessionId)).removeEntry(`${uid}.dcm`);
      } catch (error) {
        if ((error as DOMException).name !== 'NotFoundError') throw error;
      }
    },
  };
}
