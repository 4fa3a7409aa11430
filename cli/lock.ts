import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isSystemError } from './target';

/** Another process is at work on this series of this target. */
export class SeriesBusy extends Error {
  override readonly name = 'SeriesBusy';
}

const BEAT_MS = 15_000;
/** A holder that has not touched its lock for so long was killed, or its machine was. */
const STALE_MS = 60_000;

/**
 * Keeps a second run (a timer that fires before the last run has ended, an event that fires twice) from the same series: two would take each other's
 * unfinished files and journal away. The lock is a file that its holder touches; one whose holder is dead is taken over.
 * @returns what releases it
 * @throws SeriesBusy, the system's errors
 */
export async function lockSeries(path: string): Promise<() => Promise<void>> {
  while (!(await create(path))) {
    const holder = await holderOf(path);
    if (holder === 'alive') throw new SeriesBusy(path);
    if (holder === 'dead') await clear(path);
  }
  const touch = () => {
    const now = new Date();
    // Gone or on a full disk: the next run then takes it for stale, at worst.
    void utimes(path, now, now).catch(() => undefined);
  };
  const beat = setInterval(touch, BEAT_MS).unref();
  return async () => {
    clearInterval(beat);
    await rm(path, { force: true }).catch(() => undefined);
  };
}

/** Removes the lock of a dead holder. One at a time: the second to remove it would remove the lock of the first. */
async function clear(path: string): Promise<void> {
  const clearing = `${path}.clearing`;
  if (!(await create(clearing))) {
    const holder = await holderOf(clearing);
    if (holder === 'alive') throw new SeriesBusy(path);
    // Left by one that was killed in these milliseconds.
    if (holder === 'dead') await rm(clearing, { force: true });
    return;
  }
  try {
    if ((await holderOf(path)) === 'dead') await rm(path, { force: true });
  } finally {
    await rm(clearing, { force: true });
  }
}

/** Makes a lock of this process, with all that is in it at once: half a lock reads like a dead holder's. @returns false when there is one */
async function create(path: string): Promise<boolean> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname() });
  const whole = `${path}.${randomUUID()}`;
  try {
    await writeFile(whole, mine);
    await link(whole, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.includes(code ?? '')) throw error;
    return await createInPlace(path, mine);
  } finally {
    await rm(whole, { force: true });
  }
}

/** What file systems without hard links answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

async function createInPlace(path: string, mine: string): Promise<boolean> {
  try {
    await writeFile(path, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function holderOf(path: string): Promise<'alive' | 'dead' | 'none'> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(path), readFile(path, 'utf8')]);
    if (Date.now() - mtimeMs > STALE_MS) return 'dead';
    const { pid, host } = JSON.parse(text) as { pid: number; host: string };
    // On another host nobody can ask; our own number is that of an earlier container.
    return host !== hostname() || (pid !== process.pid && isAlive(pid)) ? 'alive' : 'dead';
  } catch (error) {
    if (!isSystemError(error)) return 'dead'; // Cut short by the crash that left it.
    if (error.code === 'ENOENT') return 'none';
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
