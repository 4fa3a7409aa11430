import { readdir, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { SourceError } from './source';
import { isSystemError, whyNot } from './target';

/** A file by the bytes of its path: names in Latin-1 are no UTF-8, and could not be opened by what Node makes of them. */
export interface FoundFile {
  readonly path: Buffer;
  /** Below the root, for people. */
  readonly name: string;
}

export interface NamedFile {
  readonly file: string;
  /** One clause. */
  readonly what: string;
  /** True: the file is sound, but no run can ever do it beside the others. */
  readonly conflict?: true;
}

export interface FolderFiles {
  readonly files: readonly FoundFile[];
  readonly unreadable: NamedFile[];
  /** Sockets, pipes and devices. */
  readonly special: NamedFile[];
}

/**
 * Files below a folder in the order of their paths, links followed; a folder that links lead to twice is read once.
 * @throws SourceError when `root` itself cannot be read
 */
export async function filesUnder(root: string): Promise<FolderFiles> {
  const found: FolderFiles & { files: FoundFile[] } = { files: [], unreadable: [], special: [] };
  const visited = new Set<string>();
  const enter = async (folder: Buffer, below: Buffer): Promise<void> => {
    const real = (await realpath(folder, { encoding: 'buffer' })).toString('latin1');
    if (visited.has(real)) return;
    visited.add(real);
    for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
      const path = joined(folder, entry.name);
      const inside = below.length === 0 ? entry.name : joined(below, entry.name);
      const name = nameOf(inside);
      try {
        const kind = entry.isSymbolicLink() ? await stat(path) : entry;
        if (kind.isDirectory()) await enter(path, inside);
        else if (kind.isFile()) found.files.push({ path, name });
        else found.special.push({ file: name, what: 'a socket, pipe or device' });
      } catch (error) {
        found.unreadable.push({ file: name, what: whyUnreadable(error) });
      }
    }
  };
  try {
    await enter(Buffer.from(root), Buffer.alloc(0));
  } catch (cause) {
    throw new SourceError(`${root} cannot be read: ${whyNot(cause as Error)}`, { cause });
  }
  found.files.sort((a, b) => Buffer.compare(a.path, b.path));
  return found;
}

const joined = (folder: Buffer, name: Buffer) => Buffer.concat([folder, Buffer.from(sep), name]);

/** Bytes that are no UTF-8 stand as `\xe4`. */
export function nameOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, byte =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`,
    ).join('');
  }
}

/** @throws what is no matter of the file */
export function whyUnreadable(error: unknown): string {
  if (isSystemError(error)) return `it cannot be read: ${whyNot(error)}`;
  const { code } = error as NodeJS.ErrnoException;
  // readFile's limit; no CT slice comes near it.
  if (code === 'ERR_FS_FILE_TOO_LARGE') return 'it is larger than 2 GiB';
  throw error;
}
