import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { judgeSeries, storedSlice, type NaturalizedInstance } from '../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../src/dicom';
import { DenoiseError } from '../src/notices';
import { filesUnder, whyUnreadable, type FoundFile, type NamedFile } from './folder-files';
import { otherFormat } from './not-dicom';
import { groupBySeries, type Listing, type SourceInstance } from './source';
import { isSystemError, whyNot } from './target';

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

/** One file's place in the listing. */
type Outcome =
  | { readonly kind: 'image'; readonly instance: NaturalizedInstance }
  | { readonly kind: 'unreadable' | 'ignored'; readonly what: string; readonly conflict?: true };

/**
 * Every DICOM image under `root`, whatever its name, links followed; pixels are not kept. Every other file is named: as unreadable where a slice may be
 * lost by it, as ignored where it is plainly something else, or a copy.
 * @param onFile told how many files of how many have been read
 * @throws SourceError when `root` itself cannot be read, the signal's reason
 */
export async function listFolder(
  root: string,
  signal?: AbortSignal,
  onFile: (read: number, total: number) => void = () => undefined,
): Promise<Listing> {
  const { files, unreadable, special } = await filesUnder(root);
  const ignored: NamedFile[] = [...special];
  const instances: SourceInstance[] = [];
  const seen = new Map<string, FoundFile>();
  for (const [index, file] of files.entries()) {
    signal?.throwIfAborted();
    onFile(index, files.length);
    const bytes = await readFile(file.path).catch((error: unknown) => whyUnreadable(error));
    const outcome: Outcome =
      typeof bytes === 'string' ? { kind: 'unreadable', what: bytes } : await judged(file, bytes, seen);
    if (outcome.kind === 'image') {
      const { instance } = outcome;
      const digest = digestOf(bytes as Buffer);
      seen.set(instance.SOPInstanceUID, file);
      instances.push({
        instance,
        read: () => readAgain(file, instance.SOPInstanceUID, digest),
      });
    } else {
      const list = outcome.kind === 'unreadable' ? unreadable : ignored;
      const { what, conflict } = outcome;
      list.push({ file: file.name, what, ...(conflict && { conflict }) });
    }
  }
  return { series: groupBySeries(instances), unreadable, ignored };
}

/** @param seen the files of the images before it, by SOP Instance UID */
async function judged(
  { name }: FoundFile,
  bytes: Buffer,
  seen: ReadonlyMap<string, FoundFile>,
): Promise<Outcome> {
  try {
    const parsed = parsePart10(bytes);
    const instance = naturalize(parsed);
    const { SOPClassUID, SOPInstanceUID } = instance;
    if (SOPClassUID === MEDIA_STORAGE_DIRECTORY || instance['DirectoryRecordSequence'] !== undefined)
      return { kind: 'ignored', what: 'a DICOM media directory' };
    if (!SOPInstanceUID) return { kind: 'unreadable', what: 'it has no SOP Instance UID' };
    const first = seen.get(SOPInstanceUID);
    if (first === undefined) return { kind: 'image', instance };
    if (await sameImage(first, bytes)) return { kind: 'ignored', what: `a copy of ${first.name}` };
    const twin = `it has the SOP Instance UID of ${first.name}`;
    // Of what is refused nothing is made, so nothing is lost.
    return judgeSeries([instance], null).kind === 'refused'
      ? { kind: 'ignored', what: `${twin} and cannot be denoised` }
      : { kind: 'unreadable', what: `${twin}, which is another image`, conflict: true };
  } catch (error) {
    if (!(error instanceof DenoiseError)) throw error;
    const what = 'what' in error.notice ? error.notice.what : error.notice.code;
    if (/\.(dcm|dicom|ima)$/i.test(name)) return { kind: 'unreadable', what };
    // A file without content may be an image that was lost; markers of file systems and programs begin with a point.
    const format = bytes.length === 0 && /(^|[/\\])\.[^/\\]+$/.test(name) ? 'empty' : otherFormat(bytes);
    return format === null ? { kind: 'unreadable', what } : { kind: 'ignored', what: format };
  }
}

/**
 * Whether two files with one SOP Instance UID hold the same slice of the same series: in whatever transfer syntax, and whatever stands above Bits
 * Stored. Of files that cannot be denoised, only the same bytes are the same.
 */
async function sameImage(first: FoundFile, bytes: Buffer): Promise<boolean> {
  const other = await readFile(first.path);
  if (other.equals(bytes)) return true;
  const [one, two] = [parsePart10(other), parsePart10(bytes)];
  const [a, b] = [naturalize(one), naturalize(two)];
  if (a.SeriesInstanceUID !== b.SeriesInstanceUID || a.StudyInstanceUID !== b.StudyInstanceUID) return false;
  if ([a, b].some(each => judgeSeries([each], null).kind === 'refused')) return false;
  const p = storedSlice((await decodeFrame(one)).stored, a);
  const q = storedSlice((await decodeFrame(two)).stored, b);
  const sameHu = p.modality.slope === q.modality.slope && p.modality.intercept === q.modality.intercept;
  return sameHu && p.stored.length === q.stored.length && p.stored.every((value, i) => value === q.stored[i]);
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

/** The file as it was listed: what lies under its name now may be another. @throws DenoiseError */
async function readAgain({ path }: FoundFile, sopInstanceUid: string, digest: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const detail = isSystemError(cause) ? { detail: whyNot(cause) } : {};
    throw new DenoiseError(
      { kind: 'fault', code: 'source-unavailable', sopInstanceUid, ...detail },
      { cause },
    );
  }
  if (digestOf(bytes) === digest) return bytes;
  const now = uidOf(bytes);
  const what =
    now === sopInstanceUid
      ? 'the content of its file has changed'
      : now === null
        ? 'its file can no longer be read as DICOM'
        : `its file now holds image ${now}`;
  throw new DenoiseError({ kind: 'fault', code: 'source-changed', sopInstanceUid, what });
}

function uidOf(bytes: Uint8Array): string | null {
  try {
    return naturalize(parsePart10(bytes)).SOPInstanceUID;
  } catch (error) {
    if (error instanceof DenoiseError) return null;
    throw error;
  }
}
