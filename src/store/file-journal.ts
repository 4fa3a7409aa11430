import { createHash, randomUUID } from 'node:crypto';
import { appendFile, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blobOf, isStored, type JournalEntry, type JournalSession, type JournalStore } from './journal';

/**
 * The journal in a folder, for Node: one folder a session, an append-only `entries.jsonl` (the last line of a UID counts; a
 * torn last line is what a crash leaves and is ignored) and a Part 10 file for each instance not yet stored.
 */
export function fileJournal(root: string): JournalStore {
  const dir = (id: string) => join(root, sessionName(id));
  const lines = (id: string) => join(dir(id), 'entries.jsonl');
  const fileName = (uid: string) => `${uid}.dcm`;
  const part10 = (id: string, uid: string) => join(dir(id), fileName(uid));
  return {
    async sessions() {
      const names = await readdir(root).catch(() => []);
      const read = names.map(name => readFile(join(root, name, 'session.json'), 'utf8').catch(() => null));
      return (await Promise.all(read)).flatMap(text => (text ? [JSON.parse(text) as JournalSession] : []));
    },
    async open(session) {
      // Patients' images: for this user only, whatever the umask.
      await mkdir(dir(session.id), { recursive: true, mode: 0o700 });
      await writeAtomically(join(dir(session.id), 'session.json'), JSON.stringify(session));
    },
    async entries(id) {
      const text = await readFile(lines(id), 'utf8').catch(() => '');
      const last = new Map<string, JournalEntry>();
      for (const line of text.split('\n').slice(0, -1)) {
        try {
          const entry = JSON.parse(line) as JournalEntry;
          last.set(entry.sopInstanceUid, entry);
        } catch {
          // Torn by a crash and then appended to: the entry before it still holds, and storing is idempotent by UID.
        }
      }
      const files = new Set(await readdir(dir(id)).catch(() => []));
      return [...last.values()].filter(entry => isStored(entry) || files.has(fileName(entry.sopInstanceUid)));
    },
    put: (id, entry) => appendFile(lines(id), `${JSON.stringify(entry)}\n`),
    putFile: (id, uid, bytes) => writeAtomically(part10(id, uid), bytes),
    file: async (id, uid) => blobOf(await readFile(part10(id, uid))),
    removeFile: (id, uid) => rm(part10(id, uid), { force: true }),
    remove: id => rm(dir(id), { recursive: true, force: true }),
  };
}

/** File systems end a name at 255 bytes; endings are added to it. */
const LONGEST_NAME = 180;

/** The name of a session's folder, of bounded length whatever the address of the archive in its id. */
export function sessionName(id: string): string {
  const name = encodeURIComponent(id);
  if (name.length <= LONGEST_NAME) return name;
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 32);
  return `${name.slice(0, LONGEST_NAME - digest.length - 1)}-${digest}`;
}

/**
 * Writes beside the target, flushes, then renames: a reader sees the old file or the new one, never half of either. What fails leaves nothing.
 * The file beside ends in `.part` and is of this call alone: what another process makes of the same target is not mixed into it.
 * @param beforeRename awaited when all is written; what it throws leaves the target as it was
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  beforeRename: () => Promise<void> = async () => undefined,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await beforeRename();
    await rename(temporary, path);
  } catch (error) {
    // Half a file on a full disk would only keep it full.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
