import { readdir, readFile, mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { naturalize, parsePart10 } from '../src/dicom';
import { DenoiseError } from '../src/notices';
import { writeAtomically } from '../src/store/node';
import { noDigests, openDigests } from './digests';
import { groupBySeries, SourceError, type Listing, type SourceInstance } from './source';
import { TargetError, type SeriesTarget, type Target } from './target';

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

/** Every DICOM image under `root`, whatever its name; pixels are not kept. @throws SourceError, the signal's reason */
export async function listFolder(root: string, signal?: AbortSignal): Promise<Listing> {
  const files = await filesUnder(root);
  const instances: SourceInstance[] = [];
  const seen = new Set<string>();
  const unreadable: { file: string; what: string }[] = [];
  let ignored = 0;
  for (const file of files) {
    signal?.throwIfAborted();
    const bytes = await readFile(file);
    try {
      const instance = naturalize(parsePart10(bytes));
      // The same instance twice (a copy in another folder) is one slice.
      if (instance.SOPClassUID === MEDIA_STORAGE_DIRECTORY || seen.has(instance.SOPInstanceUID)) ignored++;
      else {
        seen.add(instance.SOPInstanceUID);
        instances.push({ instance, read: () => readAgain(file, instance.SOPInstanceUID) });
      }
    } catch (error) {
      if (!(error instanceof DenoiseError)) throw error;
      const what = 'what' in error.notice ? error.notice.what : error.notice.code;
      if (looksLikeDicom(file, bytes)) unreadable.push({ file: relative(root, file), what });
      else ignored++;
    }
  }
  return { series: groupBySeries(instances), unreadable, ignored };
}

async function filesUnder(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw new SourceError(`${root} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

const looksLikeDicom = (file: string, bytes: Buffer) =>
  /\.dcm$/i.test(file) || bytes.subarray(128, 132).toString('latin1') === 'DICM';

async function readAgain(file: string, sopInstanceUid: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new DenoiseError({ kind: 'fault', code: 'source-unavailable', sopInstanceUid }, { cause });
  }
}

/**
 * Files in `root`: a folder for each series and a file for each instance, named by their UIDs, with a list of their SHA-256 beside the folder; or all in
 * one folder when `flat`, without a list, because mercure reads that folder once. A file is whole or not there.
 */
export function folderTarget(root: string, flat: boolean): Target {
  return {
    async open({ seriesInstanceUid }): Promise<SeriesTarget> {
      const folder = flat ? root : join(root, seriesInstanceUid);
      const prefix = flat ? `${seriesInstanceUid}#` : '';
      const path = (uid: string) => join(folder, `${prefix}${uid}.dcm`);
      const listed = (uid: string) => `${seriesInstanceUid}/${uid}.dcm`;
      try {
        await mkdir(folder, { recursive: true });
        const names = await readdir(folder);
        const digests = flat ? noDigests : await openDigests(join(root, `${seriesInstanceUid}.sha256`));
        const ours = names.filter(name => name.startsWith(prefix));
        // What a crash left of a file that was being written.
        for (const name of ours)
          if (name.endsWith('.dcm.part')) await rm(join(folder, name), { force: true });
        const there = ours.filter(name => name.endsWith('.dcm')).map(name => name.slice(prefix.length, -4));
        return {
          there: new Set(there),
          held: new Set(),
          async isWhole({ sopInstanceUid }) {
            const bytes = await readFile(path(sopInstanceUid)).catch(() => null);
            return bytes !== null && digests.matches(listed(sopInstanceUid), bytes);
          },
          async store(instances) {
            let written = 0;
            try {
              for await (const { sopInstanceUid, part10 } of instances) {
                await writeAtomically(path(sopInstanceUid), part10);
                await digests.add(listed(sopInstanceUid), part10);
                written++;
              }
              return { written, failed: [], notice: null, store: null };
            } catch (error) {
              if (!isSystemError(error)) throw error;
              return {
                written,
                failed: [],
                notice: { kind: 'fault', code: 'save-folder', what: error.message },
                store: null,
              };
            }
          },
        };
      } catch (cause) {
        throw new TargetError(`${folder} cannot be written: ${(cause as Error).message}`, { cause });
      }
    },
  };
}

/** By its shape: an error of another realm (a worker, a test's sandbox) is no instance of our Error. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof error === 'object' && error !== null && 'syscall' in error;
