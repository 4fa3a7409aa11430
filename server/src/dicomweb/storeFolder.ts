import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import type { Catalog, Described, Instance } from './catalog';
import { codeOf, DicomFileError, reasonOf } from './errors';
import type { Readers } from './readers';

/** PS3.7 annex C and PS3.18, table I.2-2. */
export const FAILURE = {
  processing: 0x0110,
  duplicateSopInstance: 0x0111,
  outOfResources: 0xa700,
  doesNotBelongToStudy: 0xa900,
  cannotUnderstand: 0xc000,
} as const;

/** A full disk is told apart: the sender need not try the next instance. */
export const failureOf = (error: unknown): number =>
  ['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '') ? FAILURE.outOfResources : FAILURE.processing;

export type StoreResult =
  | { kind: 'stored' | 'alreadyStored'; described: Described }
  | { kind: 'refused'; reason: number; message: string; sopClassUid?: string; sopUid?: string };

/**
 * Where received instances are kept: `<study>/<series>/<instance>.dcm`. A file appears under its name only when it is whole
 * and on the disk; nothing that is there is ever overwritten.
 */
export class StoreFolder {
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly folder: string,
    private readonly incoming: string,
    private readonly catalog: Catalog,
    private readonly readers: Readers,
  ) {}

  /** Makes the folder and drops what an earlier run left half-written. Throws Node's error when it cannot be written to. */
  static async open(folder: string, catalog: Catalog, readers: Readers): Promise<StoreFolder> {
    const spools = join(folder, '.incoming');
    await mkdir(spools, { recursive: true });
    for (const name of await readdir(spools)) {
      // Another server that runs on this folder still needs its own.
      if (!isRunning(Number(name.split('-')[0])))
        await rm(join(spools, name), { recursive: true, force: true });
    }
    const incoming = join(spools, `${process.pid}-${randomUUID()}`);
    await mkdir(incoming);
    return new StoreFolder(folder, incoming, catalog, readers);
  }

  /** Removes the spools' folder. */
  async close(): Promise<void> {
    await this.queue;
    await rm(this.incoming, { recursive: true, force: true });
  }

  /** Spools a body to the disk, outside the archive. Rejects with the stream's error and leaves nothing behind. */
  async receive(body: Readable): Promise<string> {
    const spool = join(this.incoming, `${randomUUID()}.part`);
    try {
      await pipeline(body, createWriteStream(spool, { flush: true }));
    } catch (error) {
      await rm(spool, { force: true });
      throw error;
    }
    return spool;
  }

  /** Takes a spooled file into the archive, one at a time, or refuses it; the spool is gone afterwards. Never throws. */
  keep(spool: string, studyUid: string | undefined): Promise<StoreResult> {
    const kept = this.queue
      .then(() => this.keepNow(spool, studyUid))
      .finally(() => rm(spool, { force: true }));
    this.queue = kept.catch(() => undefined);
    return kept;
  }

  private async keepNow(spool: string, studyUid: string | undefined): Promise<StoreResult> {
    let described: Described;
    let digest: string;
    try {
      ({ described, digest } = await this.readers.run('receive', spool));
    } catch (error) {
      const reason = error instanceof DicomFileError ? FAILURE.cannotUnderstand : FAILURE.processing;
      return { kind: 'refused', reason, message: reasonOf(error) };
    }
    const { sopUid, sopClassUid, seriesUid } = described.instance;
    const refused = (reason: number, message: string): StoreResult => ({
      kind: 'refused',
      reason,
      message,
      sopUid,
      sopClassUid,
    });
    if (studyUid !== undefined && described.instance.studyUid !== studyUid) {
      return refused(
        FAILURE.doesNotBelongToStudy,
        `the instance belongs to study ${described.instance.studyUid}`,
      );
    }
    const known = this.catalog.find(sopUid) ?? this.onDisk(described);
    if (known) {
      const isSame = known.studyUid === described.instance.studyUid && known.seriesUid === seriesUid;
      if (isSame && (await this.pixelDigest(known.path)) === digest)
        return { kind: 'alreadyStored', described: { ...described, instance: known } };
      return refused(
        FAILURE.duplicateSopInstance,
        'another image is stored under this SOP Instance UID; it was kept',
      );
    }
    try {
      const path = await this.file(spool, described);
      const stored = { ...described, instance: { ...described.instance, path } };
      this.catalog.add(stored);
      return { kind: 'stored', described: stored };
    } catch (error) {
      return refused(failureOf(error), reasonOf(error));
    }
  }

  /** Undefined where the file cannot be read: then it holds no pixels that are the same. */
  private pixelDigest(path: string): Promise<string | undefined> {
    return this.readers.run('pixelDigest', path).catch(() => undefined);
  }

  private pathOf({ studyUid, seriesUid, sopUid }: Instance): string {
    return join(this.folder, studyUid, seriesUid, `${sopUid}.dcm`);
  }

  /** What another server on the same folder has stored since we indexed it. */
  private onDisk({ instance }: Described): Instance | undefined {
    const path = this.pathOf(instance);
    return existsSync(path) ? { ...instance, path } : undefined;
  }

  private async file(spool: string, { instance }: Described): Promise<string> {
    const path = this.pathOf(instance);
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    await rename(spool, path);
    // The rename itself is on the disk only when its folder is.
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
    return path;
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    // Signal 0 only asks.
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
