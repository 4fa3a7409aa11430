import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Another process is at work on this series of this target. */
export class SeriesBusy extends Error {
  override readonly name = 'SeriesBusy';
}

const BEAT_MS = 15_000;
/** A holder that has not touched its lock for so long was killed, or its machine was. */
const STALE_MS = 60_000;

/**
 * Keeps a second run (a timer that fires before the last run has ended) from the same series: two would take each other's unfinished files and
 * journal away. The lock is a file that its holder touches; one whose holder is dead is taken over.
 * @returns what releases it
 * @throws SeriesBusy, the system's errors
 */
export async function lockSeries(path: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname() });
  for (;;) {
    try {
      await writeFile(path, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (await isHeld(path)) throw new SeriesBusy(path);
      await rm(path, { force: true });
    }
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

async function isHeld(path: string): Promise<boolean> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(path), readFile(path, 'utf8')]);
    if (Date.now() - mtimeMs > STALE_MS) return false;
    const { pid, host } = JSON.parse(text) as { pid: number; host: string };
    // On another host nobody can ask; our own number is that of an earlier container.
    return host !== hostname() || (pid !== process.pid && isAlive(pid));
  } catch {
    // Gone meanwhile, or cut short by the crash that left it.
    return false;
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
