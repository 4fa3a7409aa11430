import { appendFile, readFile } from 'node:fs/promises';
import { sha256Hex } from '../src/dicom';
import { writeAtomically } from '../src/store/node';

/** What was written, by SHA-256, so that a later run can tell a whole file from a damaged one. */
export interface Digests {
  /** False also for a file that nobody wrote down: it was cut short, or is not ours. */
  matches(name: string, bytes: Uint8Array): Promise<boolean>;
  /** To be called when the file is whole on the disk. */
  add(name: string, bytes: Uint8Array): Promise<void>;
}

/**
 * Digests in the form of sha256sum, for `sha256sum -c`, appended one by one. A line torn by a crash is ignored and written over.
 * @param path of the list; names in it are relative to its folder
 */
export async function openDigests(path: string): Promise<Digests> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const digests = new Map<string, string>();
  for (const [, digest, name] of text.matchAll(/^([0-9a-f]{64}) {2}(.+)\n/gm)) digests.set(name!, digest!);
  const line = (name: string) => `${digests.get(name)!}  ${name}\n`;
  const lines = () => [...digests.keys()].map(line).join('');
  let appendable = lines() === text;
  return {
    matches: async (name, bytes) => digests.get(name) === (await sha256Hex(bytes)),
    async add(name, bytes) {
      appendable &&= !digests.has(name);
      digests.set(name, await sha256Hex(bytes));
      if (appendable) await appendFile(path, line(name));
      else await writeAtomically(path, lines());
      appendable = true;
    },
  };
}

/** For a folder that is used once. */
export const noDigests: Digests = { matches: async () => false, add: async () => undefined };
