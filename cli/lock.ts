import { randomUUID } from 'node:crypto';
import { link, open, readFile, readlink, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isSystemError } from './target';

/** Another process is at work on this series of this target. */
export class SeriesBusy extends Error {
  override readonly name = 'SeriesBusy';
}

/** This process stood still for so long that another took the series over. */
export class SeriesLost extends Error {
  override readonly name = 'SeriesLost';
  constructor() {
    super('another iscl-denoise took this series over while this one stood still');
  }
}

export interface SeriesLock {
  /** To be awaited before each step that others see (a rename, a request that stores). @throws SeriesLost, the system's errors */
  assertHeld(): Promise<void>;
  release(): Promise<void>;
}

export interface LockTimes {
  /** How often a holder shows that it lives. */
  readonly beatMs: number;
  /** A holder that shows no life for so long is dead, or stands still and finds the lock lost when it goes on. */
  readonly staleMs: number;
  /** What was cut short by a crash is left alone for as long: it may be another's that is just being written. */
  readonly halfMs: number;
}

const TIMES: LockTimes = { beatMs: 5_000, staleMs: 60_000, halfMs: 1_000 };
const LOOK_MS = 100;

/** What stands in a lock. */
interface Holder {
  /** The fencing token: random, of this one lock. A host name and a process number may be another's too, in another container. */
  readonly token: string;
  /** Null where the system does not tell. */
  readonly process: ProcessId | null;
}

/** A process of one start of one machine. */
interface ProcessId {
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** In ticks since the start: a number that was used again has another. */
  readonly started: string;
}

/**
 * Keeps a second run (a timer that fires before the last run has ended, an event that fires twice) from the same series: two would take each other's
 * unfinished files and journal away. The lock is a file that its holder touches. One whose holder is known to be dead is taken over at once; one
 * whose holder cannot be seen from here (another machine or container) is watched, by this process's own monotonic clock: no clock of two
 * machines is compared, and no clock that can be set.
 * @throws SeriesBusy, the system's errors
 */
export async function lockSeries(path: string, times: LockTimes = TIMES): Promise<SeriesLock> {
  const mine: Holder = { token: randomUUID(), process: await processId(process.pid) };
  let beating: FileHandle | null;
  while ((beating = await create(path, mine)) === null) {
    const seen = await look(path);
    if (seen === null) continue;
    if (await isAlive(path, seen, times)) throw new SeriesBusy(path);
    await clear(path, seen, mine, times);
  }
  // By its handle: a lock that another holds now is not touched.
  const file = beating;
  const touch = () => {
    const now = new Date();
    // Gone or on a full disk: another then takes it for dead, at worst.
    void file.utimes(now, now).catch(() => undefined);
  };
  const beat = setInterval(touch, times.beatMs).unref();
  const isMine = async () => (await look(path))?.token === mine.token;
  return {
    async assertHeld() {
      if (!(await isMine())) throw new SeriesLost();
    },
    async release() {
      clearInterval(beat);
      await file.close().catch(() => undefined);
      if (await isMine().catch(() => false)) await rm(path, { force: true }).catch(() => undefined);
    },
  };
}

/** A lock as it stands at one moment. */
interface Seen {
  /** Null when it is cut short. */
  readonly token: string | null;
  readonly process: ProcessId | null;
  /** Changes with every touch; means nothing else. */
  readonly mark: string;
}

/** Null when there is none. */
async function look(path: string): Promise<Seen | null> {
  try {
    const { mtimeNs, ino } = await stat(path, { bigint: true });
    const text = await readFile(path, 'utf8');
    return { ...read(text), mark: `${mtimeNs} ${ino} ${text}` };
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return null;
    throw error;
  }
}

function read(text: string): Pick<Seen, 'token' | 'process'> {
  try {
    const { token = '', process: holder = null } = JSON.parse(text) as Partial<Holder>;
    return { token, process: holder };
  } catch {
    return { token: null, process: null };
  }
}

/** Waits as long as it takes to know. A lock that changes is alive, or another's by now. */
async function isAlive(path: string, seen: Seen, times: LockTimes): Promise<boolean> {
  const here = await processId(process.pid);
  const holder = seen.process;
  if (holder && here && holder.boot === here.boot && holder.namespace === here.namespace) {
    const now = await processId(holder.pid);
    return now?.started === holder.started;
  }
  const patience = seen.token === null ? times.halfMs : times.staleMs;
  for (const from = performance.now(); performance.now() - from < patience;) {
    await delay(LOOK_MS);
    const now = await look(path);
    if (now === null) return false;
    if (now.mark !== seen.mark) return true;
  }
  return false;
}

/** Removes the lock of a dead holder. One at a time: the second to remove it would remove the lock of the first. */
async function clear(path: string, dead: Seen, mine: Holder, times: LockTimes): Promise<void> {
  const clearing = `${path}.clearing`;
  const file = await create(clearing, mine);
  if (file === null) {
    const other = await look(clearing);
    if (other === null) return;
    if (await isAlive(clearing, other, times)) throw new SeriesBusy(path);
    // Left by one that was killed in these milliseconds.
    await rm(clearing, { force: true });
    return;
  }
  try {
    if ((await look(path))?.mark === dead.mark) await rm(path, { force: true });
  } finally {
    await file.close();
    await rm(clearing, { force: true });
  }
}

/**
 * Makes a lock of this process, with all that is in it at once: half a lock reads like a dead holder's.
 * @returns an open handle to it; null when there is one already
 */
async function create(path: string, mine: Holder): Promise<FileHandle | null> {
  const whole = `${path}.${mine.token}`;
  const text = JSON.stringify(mine);
  let file: FileHandle | null = null;
  try {
    file = await open(whole, 'w');
    await file.writeFile(text);
    await link(whole, path);
    return file;
  } catch (error) {
    await file?.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return null;
    if (!NO_LINKS.includes(code ?? '')) throw error;
    return await createInPlace(path, text);
  } finally {
    await rm(whole, { force: true });
  }
}

/** What file systems without hard links answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

async function createInPlace(path: string, text: string): Promise<FileHandle | null> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return null;
  }
}

/** Of a process that can be seen from here, on Linux; null elsewhere, and when there is none. */
async function processId(pid: number): Promise<ProcessId | null> {
  try {
    const [boot, namespace, status] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The name of the program, in brackets, may hold spaces (proc(5)): the 22nd field is the 20th behind it.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
    // Killed and not yet waited for: it does nothing any more.
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { boot: boot.trim(), namespace, pid, started: fields[19]! };
  } catch {
    return null;
  }
}
