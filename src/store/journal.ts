import type { InstanceState } from './states';
import type { FailureReason } from './failure-reason';

/** One attempt to store a series, known by an id so that it can be taken up after a reload. */
export interface JournalSession {
  readonly id: string;
  readonly studyInstanceUid: string;
  /** How many instances the series must have; the session is not done with fewer. */
  readonly expected: number;
  readonly startedAt: string;
  /** STOW-RS root it is for: what was meant for one archive is never sent to another. */
  readonly target: string;
  /** For people: what a list of interrupted sessions shows. */
  readonly label: string;
}

export interface JournalEntry {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly byteLength: number;
  /** SHA-256 (hex) of the value of Pixel Data. */
  readonly pixelHash: string;
  readonly state: InstanceState;
  readonly attempts: number;
  /** Its pixels must be read back one by one: nobody confirmed that what is there is what we sent. */
  readonly compare: boolean;
  readonly reason?: FailureReason | null;
  /** Warning Reason (0008,1196) the server gave on storing, four hex digits. */
  readonly warning?: string;
}

/**
 * What is left to do, kept outside memory. When a promise of `put` resolves, the entry must survive the end of the process; a power cut may
 * take the last ones, and what they said is found again by asking the server. `putFile` must be called before the entry that speaks of
 * the file.
 */
export interface JournalStore {
  sessions(): Promise<JournalSession[]>;
  /** Writes the session down, or what has changed of it; its entries and files stay. */
  open(session: JournalSession): Promise<void>;
  /**
   * Entries still to be stored only with their file: a browser short of space drops files of its own accord, a power cut takes the last ones, and
   * such an instance is as one that was never fed.
   */
  entries(sessionId: string): Promise<JournalEntry[]>;
  put(sessionId: string, entry: JournalEntry): Promise<void>;
  putFile(sessionId: string, sopInstanceUid: string, part10: Uint8Array): Promise<void>;
  /** The Part 10 bytes, as a Blob so that a disk-backed store need not load them. Throws when there is none. */
  file(sessionId: string, sopInstanceUid: string): Promise<Blob>;
  removeFile(sessionId: string, sopInstanceUid: string): Promise<void>;
  /** Forgets the session, its entries and its files. */
  remove(sessionId: string): Promise<void>;
}

/** Where the bytes lie; IndexedDB and OPFS have one each. */
export interface FileStore {
  put(sessionId: string, name: string, bytes: Uint8Array): Promise<void>;
  get(sessionId: string, name: string): Promise<Blob>;
  has(sessionId: string, name: string): Promise<boolean>;
  remove(sessionId: string, name?: string): Promise<void>;
}

/** Its file has been let go because the server has it. */
export const isStored = ({ state }: JournalEntry): boolean => state === 'stored' || state === 'present';

/** A Blob over `bytes`; the cast is sound because no module of ours hands over shared memory. */
export function blobOf(bytes: Uint8Array): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/dicom' });
}

/** For tests, and for a place that has no storage at all: storing works, resuming after a reload does not. */
export function memoryJournal(): JournalStore {
  const sessions = new Map<
    string,
    { session: JournalSession; entries: Map<string, JournalEntry>; files: Map<string, Blob> }
  >();
  const of = (id: string) => {
    const found = sessions.get(id);
    if (!found) throw new Error(`the journal has no session ${id}`);
    return found;
  };
  return {
    async sessions() {
      return [...sessions.values()].map(({ session }) => session);
    },
    async open(session) {
      const { entries, files } = sessions.get(session.id) ?? { entries: new Map(), files: new Map() };
      sessions.set(session.id, { session, entries, files });
    },
    async entries(id) {
      const { entries, files } = of(id);
      return [...entries.values()].filter(entry => isStored(entry) || files.has(entry.sopInstanceUid));
    },
    async put(id, entry) {
      of(id).entries.set(entry.sopInstanceUid, entry);
    },
    async putFile(id, uid, part10) {
      of(id).files.set(uid, blobOf(part10));
    },
    async file(id, uid) {
      const blob = of(id).files.get(uid);
      if (!blob) throw new Error(`the journal has no file for ${uid}`);
      return blob;
    },
    async removeFile(id, uid) {
      of(id).files.delete(uid);
    },
    async remove(id) {
      sessions.delete(id);
    },
  };
}

/** How long an interrupted store waits to be taken up. Patients' images must not lie about for ever; the same series can be made again. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** Forgets sessions begun too long ago, but not `except`. One that cannot be removed now (another tab has it open) is left for the next time. */
export async function forgetAbandoned(
  journal: JournalStore,
  except: string,
  now = Date.now(),
): Promise<void> {
  for (const { id, startedAt } of await journal.sessions()) {
    if (id !== except && Date.parse(startedAt) < now - KEPT_MS)
      await journal.remove(id).catch(() => undefined);
  }
}
