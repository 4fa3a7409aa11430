import { appendFile, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
 * Digests in the form of sha256sum, for `sha256sum -c`, appended one by one. A line torn by a crash is ignored and written over; so is a line that
 * stands there twice.
 * @param path of the list; names in it are relative to its folder
 * @param assertHeld awaited before each write: the list is of one run at a time
 */
export async function openDigests(path: string, assertHeld: () => Promise<void>): Promise<Digests> {
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.part'))
      await rm(join(dirname(path), name), { force: true });
  const digests = new Map<string, string>();
  const line = (name: string) => `${digests.get(name)!}  ${name}\n`;
  const lines = () => [...digests.keys()].map(line).join('');
  /** What is on the disk, as far as this run knows; null: to be written anew. */
  let known: number | null = null;
  const take = async () => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    for (const [, digest, name] of text.matchAll(/^([0-9a-f]{64}) {2}(.+)\n/gm)) digests.set(name!, digest!);
    known = lines() === text ? Buffer.byteLength(text) : null;
  };
  await take();
  return {
    matches: async (name, bytes) => digests.get(name) === (await sha256Hex(bytes)),
    async add(name, bytes) {
      // Another run wrote to it, before it lost the series or after this one did.
      if ((await sizeOf(path)) !== known) await take();
      if (digests.has(name)) known = null;
      digests.set(name, await sha256Hex(bytes));
      if (known === null) await writeAtomically(path, lines(), assertHeld);
      else {
        await assertHeld();
        await appendFile(path, line(name));
      }
      known = Buffer.byteLength(lines());
    },
  };
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0;

/** For a folder that is used once. */
export const noDigests: Digests = { matches: async () => false, add: async () => undefined };
