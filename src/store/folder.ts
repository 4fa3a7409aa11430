import { DenoiseError } from '../notices';
import { fileName } from './zip';

export interface FolderReport {
  readonly outcome: 'done' | 'incomplete' | 'cancelled';
  readonly written: number;
  readonly alreadyThere: number;
  readonly failed: readonly {
    readonly name: string;
    readonly sopInstanceUid: string;
    readonly reason: string;
  }[];
  readonly notice: DenoiseError['notice'] | null;
}

export interface FolderOptions {
  readonly expected: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (files: number, expected: number) => void;
}

/**
 * Writes a series into a folder the user chose (File System Access). A file is whole or not there: the browser writes beside it and
 * swaps on close. A file of that name with other content is left alone and reported; each file is read back and compared.
 */
export async function writeToFolder(
  folder: FileSystemDirectoryHandle,
  instances: AsyncIterable<{ readonly sopInstanceUid: string; readonly part10: Uint8Array }>,
  { expected, signal, onProgress }: FolderOptions,
): Promise<FolderReport> {
  const failed: { name: string; sopInstanceUid: string; reason: string }[] = [];
  let written = 0;
  let alreadyThere = 0;
  let index = 0;
  let fed: DenoiseError['notice'] | null = null;
  try {
    for await (const { sopInstanceUid, part10 } of instances) {
      if (signal?.aborted) break;
      const name = fileName(index++);
      try {
        const before = await existing(folder, name);
        if (before && !(await holds(before, part10)))
          throw new Error('a file of this name with other content is there; it was left alone');
        if (before) alreadyThere++;
        else {
          await write(folder, name, part10);
          written++;
        }
      } catch (error) {
        failed.push({ name, sopInstanceUid, reason: whyNotWritten(error) });
        // What the browser or the disk refuses once, it refuses for every file.
        if (error instanceof DOMException) break;
      }
      onProgress?.(index, expected);
    }
  } catch (error) {
    if (!(error instanceof DenoiseError)) throw error;
    fed = error.notice;
  }
  const done = written + alreadyThere === expected && failed.length === 0;
  if (done) return { outcome: 'done', written, alreadyThere, failed, notice: null };
  if (signal?.aborted)
    return {
      outcome: 'cancelled',
      written,
      alreadyThere,
      failed,
      notice: { kind: 'fault', code: 'save-cancelled', what: 'folder' },
    };
  const there = `${written + alreadyThere} of ${expected} files are there`;
  const what = failed[0] ? `${failed[0].reason} (${there})` : there;
  return {
    outcome: 'incomplete',
    written,
    alreadyThere,
    failed,
    notice: fed ?? { kind: 'fault', code: 'save-folder', what },
  };
}

/** A failure of the File System API in words that end without a full stop. */
export function whyNotWritten(error: unknown): string {
  switch ((error as Partial<Error>).name) {
    case 'NotAllowedError':
    case 'SecurityError':
    case 'NoModificationAllowedError':
      return 'the browser may not write there';
    case 'QuotaExceededError':
      return 'the disk is full';
    case 'NotFoundError':
      return 'the folder is no longer there';
    default:
      return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
  }
}

async function existing(folder: FileSystemDirectoryHandle, name: string): Promise<File | null> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return null;
    throw error;
  }
}

async function holds(file: File, bytes: Uint8Array): Promise<boolean> {
  if (file.size !== bytes.byteLength) return false;
  const there = new Uint8Array(await file.arrayBuffer());
  return there.every((value, i) => value === bytes[i]);
}

async function write(folder: FileSystemDirectoryHandle, name: string, bytes: Uint8Array): Promise<void> {
  const handle = await folder.getFileHandle(name, { create: true });
  try {
    const writable = await handle.createWritable();
    await writable.write(bytes as Uint8Array<ArrayBuffer>);
    await writable.close();
    if (!(await holds(await handle.getFile(), bytes)))
      throw new Error('what was read back is not what was written');
  } catch (error) {
    // getFileHandle made an empty file before a byte was written: half a file must not look like an image.
    await folder.removeEntry(name).catch(() => undefined);
    throw error;
  }
}
