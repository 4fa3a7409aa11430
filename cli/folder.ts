import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { seriesMomentOf, type SeriesMoment } from '../src/dicom';
import { writeAtomically } from '../src/store/node';
import { noDigests, openDigests, type Digests } from './digests';
import { lockSeries, SeriesBusy, SeriesLost, type SeriesLock } from './lock';
import {
  isSystemError,
  TargetError,
  whyNot,
  type SeriesTarget,
  type StoreOutcome,
  type Target,
} from './target';

/**
 * Files in `root`: a folder for each series and a file for each instance, named by their UIDs, with a list of their SHA-256 beside the folder; or all in
 * one folder when `flat`, without a list, because mercure reads that folder once. A file is whole or not there.
 */
export function folderTarget(root: string, flat: boolean): Target {
  return {
    async open({ seriesInstanceUid }) {
      const folder = flat ? root : join(root, seriesInstanceUid);
      let lock: SeriesLock = NO_LOCK;
      try {
        await mkdir(folder, { recursive: true });
        if (flat) await access(root, constants.W_OK);
        else lock = await lockSeries(join(root, `${seriesInstanceUid}.lock`));
        return await opened(root, folder, seriesInstanceUid, flat, lock);
      } catch (cause) {
        await lock.release();
        if (cause instanceof SeriesBusy) throw cause;
        throw new TargetError(`${folder} cannot be written: ${whyNot(cause as Error)}`, { cause });
      }
    },
  };
}

/** Of a folder that is used once. */
const NO_LOCK: SeriesLock = { assertHeld: async () => undefined, release: async () => undefined };

async function opened(
  root: string,
  folder: string,
  seriesInstanceUid: string,
  flat: boolean,
  lock: SeriesLock,
): Promise<SeriesTarget> {
  const assertHeld = () => lock.assertHeld();
  const prefix = flat ? `${seriesInstanceUid}#` : '';
  const path = (uid: string) => join(folder, `${prefix}${uid}.dcm`);
  const listed = (uid: string) => `${seriesInstanceUid}/${uid}.dcm`;
  const digests: Digests = flat
    ? noDigests
    : await openDigests(join(root, `${seriesInstanceUid}.sha256`), assertHeld);
  const ours = (await readdir(folder)).filter(name => name.startsWith(prefix));
  // What a crash left of a file that was being written.
  for (const name of ours) if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
  const existing = ours.filter(name => name.endsWith('.dcm')).map(name => name.slice(prefix.length, -4));
  const intact = async (uid: string): Promise<Uint8Array | null> => {
    const bytes = await readFile(path(uid)).catch(() => null);
    return bytes !== null && (await digests.matches(listed(uid), bytes)) ? bytes : null;
  };
  /** What was written and is in the folder at the end. */
  const counted = async (made: ReadonlySet<string>): Promise<Pick<StoreOutcome, 'written' | 'failed'>> => {
    const names = new Set(await readdir(folder).catch(() => []));
    const gone = [...made].filter(uid => !names.has(basename(path(uid))));
    const reason = 'Its file was written and is no longer in the folder.';
    return {
      written: made.size - gone.length,
      failed: gone.map(sopInstanceUid => ({ sopInstanceUid, reason })),
    };
  };
  return {
    existingUids: new Set(existing),
    journaledUids: new Set(),
    seriesMoment: await firstMoment(existing, intact),
    isIntact: async ({ sopInstanceUid }) => (await intact(sopInstanceUid)) !== null,
    hasSamePixels: null,
    async store(instances) {
      const made = new Set<string>();
      try {
        for await (const { sopInstanceUid, part10 } of instances) {
          await writeAtomically(path(sopInstanceUid), part10, assertHeld);
          await digests.add(listed(sopInstanceUid), part10);
          made.add(sopInstanceUid);
        }
        return { ...(await counted(made)), notice: null, store: null };
      } catch (error) {
        if (!isSystemError(error) && !(error instanceof SeriesLost)) throw error;
        const notice = { kind: 'fault', code: 'save-folder', what: whyNot(error) } as const;
        return { ...(await counted(made)), notice, store: null };
      }
    },
    close: () => lock.release(),
  };
}

async function firstMoment(
  uids: readonly string[],
  whole: (uid: string) => Promise<Uint8Array | null>,
): Promise<SeriesMoment | null> {
  for (const uid of uids) {
    const bytes = await whole(uid);
    const moment = bytes && seriesMomentOf(bytes);
    if (moment) return moment;
  }
  return null;
}
