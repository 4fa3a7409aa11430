import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { judgeSeries, storedSlice } from '../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../src/dicom';
import { DenoiseError } from '../src/notices';
import { groupBySeries, SourceError, type Listing, type SourceInstance } from './source';
import { isSystemError, whyNot } from './target';

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

type Unreadable = { readonly file: string; readonly what: string };

/**
 * Every DICOM image under `root`, whatever its name, links followed; pixels are not kept. What cannot be read, or has the UID of another image, is named.
 * @param onFile told how many files of how many have been read
 * @throws SourceError when `root` itself cannot be read, the signal's reason
 */
export async function listFolder(
  root: string,
  signal?: AbortSignal,
  onFile: (read: number, total: number) => void = () => undefined,
): Promise<Listing> {
  const { files, unreadable } = await filesUnder(root);
  const instances: SourceInstance[] = [];
  const seen = new Map<string, string>();
  let ignored = 0;
  for (const [index, file] of files.entries()) {
    signal?.throwIfAborted();
    onFile(index, files.length);
    const bytes = await readFile(file).catch((error: unknown) => whyUnreadable(error));
    if (typeof bytes === 'string') {
      unreadable.push({ file: relative(root, file), what: bytes });
      continue;
    }
    try {
      const instance = naturalize(parsePart10(bytes));
      const uid = instance.SOPInstanceUID;
      const first = seen.get(uid);
      if (instance.SOPClassUID === MEDIA_STORAGE_DIRECTORY) ignored++;
      else if (first === undefined) {
        seen.set(uid, file);
        instances.push({ instance, read: () => readAgain(file, uid) });
      } else if (judgeSeries([instance], null).kind === 'refused' || (await sameImage(first, bytes))) {
        // A copy in another folder is one slice; of what is refused nothing is made.
        ignored++;
      } else {
        const what = `it has the SOP Instance UID of ${relative(root, first)}, which is another image`;
        unreadable.push({ file: relative(root, file), what });
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

/** Files below a folder in the order of their paths; a folder that links lead to twice is read once. */
async function filesUnder(root: string): Promise<{ files: string[]; unreadable: Unreadable[] }> {
  const files: string[] = [];
  const unreadable: Unreadable[] = [];
  const visited = new Set<string>();
  const enter = async (folder: string): Promise<void> => {
    const real = await realpath(folder);
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      try {
        const kind = entry.isSymbolicLink() ? await stat(path) : entry;
        if (kind.isDirectory()) await enter(path);
        else if (kind.isFile()) files.push(path);
      } catch (error) {
        unreadable.push({ file: relative(root, path), what: whyUnreadable(error) });
      }
    }
  };
  try {
    await enter(root);
  } catch (cause) {
    throw new SourceError(`${root} cannot be read: ${whyNot(cause as Error)}`, { cause });
  }
  return { files: files.sort(), unreadable };
}

/** @throws what is no matter of the file */
function whyUnreadable(error: unknown): string {
  if (isSystemError(error)) return `it cannot be read: ${whyNot(error)}`;
  const { code } = error as NodeJS.ErrnoException;
  // readFile's limit; no CT slice comes near it.
  if (code === 'ERR_FS_FILE_TOO_LARGE') return 'it is larger than 2 GiB';
  throw error;
}

/**
 * Whether two files with one SOP Instance UID hold the same slice of the same series: in whatever transfer syntax, and whatever stands above Bits
 * Stored. `bytes` is a slice that can be denoised, so one that cannot is another.
 */
async function sameImage(first: string, bytes: Uint8Array): Promise<boolean> {
  const other = await readFile(first);
  if (other.equals(bytes)) return true;
  const [one, two] = [parsePart10(other), parsePart10(bytes)];
  const [a, b] = [naturalize(one), naturalize(two)];
  if (a.SeriesInstanceUID !== b.SeriesInstanceUID || a.StudyInstanceUID !== b.StudyInstanceUID) return false;
  if (judgeSeries([a], null).kind === 'refused') return false;
  const p = storedSlice((await decodeFrame(one)).stored, a);
  const q = storedSlice((await decodeFrame(two)).stored, b);
  const sameHu = p.modality.slope === q.modality.slope && p.modality.intercept === q.modality.intercept;
  return sameHu && p.stored.length === q.stored.length && p.stored.every((value, i) => value === q.stored[i]);
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
