import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Catalog, Described } from './catalog';
import { reasonOf } from './errors';
import type { Readers } from './readers';
import type { Unread } from './tasks';

/** Files that a thread reads for one message. */
const BATCH = 32;
/** The thread reads one batch while the other is put into the catalog. */
const BATCHES_AT_ONCE = 2;
const CLAIMS_DICOM = new Set(['.dcm', '.dicom', '.ima']);

export interface ScanResult {
  found: number;
  /** Files without "DICM" at byte 128 and without a DICOM extension. */
  skipped: number;
}

/**
 * Indexes every DICOM file below a folder. Broken files go to `catalog.problems` and are not fatal. Symbolic links are not
 * followed, so nothing outside the folder is ever served. Throws only when the folder itself cannot be listed.
 */
export async function scanFolder(
  folder: string,
  catalog: Catalog,
  readers: Readers,
  signal: AbortSignal,
  onFile: () => void = () => {},
): Promise<ScanResult> {
  const result: ScanResult = { found: 0, skipped: 0 };
  const real = await realpath(folder);
  // The list of problems is also served: it names files within the folder, not where the folder is.
  const report: Report = (path, problem) =>
    catalog.problems.push({ path: relative(dirname(real), path), problem });
  const batches = inBatches(walk(real, report));
  const worker = async () => {
    for await (const paths of batches) {
      for (const [path, read] of await readBatch(paths, readers)) {
        if (signal.aborted) return;
        indexFile(path, read, catalog, result, report);
        onFile();
      }
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, worker));
  return result;
}

type Report = (path: string, problem: string) => void;

async function* inBatches(files: AsyncGenerator<string>): AsyncGenerator<string[]> {
  let batch: string[] = [];
  for await (const path of files) {
    batch.push(path);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Never throws. A file that ends the thread takes its batch with it, so the others are read one by one. */
async function readBatch(paths: string[], readers: Readers): Promise<[string, Described | Unread][]> {
  try {
    const read = await readers.runLater('describeAll', paths);
    return paths.map((path, i) => [path, read[i]!]);
  } catch (error) {
    const [path, ...others] = paths;
    if (path === undefined) return [];
    if (others.length === 0) return [[path, { problem: reasonOf(error), notDicom: false }]];
    const single: [string, Described | Unread][] = [];
    for (const each of paths) single.push(...(await readBatch([each], readers)));
    return single;
  }
}

function indexFile(
  path: string,
  read: Described | Unread,
  catalog: Catalog,
  result: ScanResult,
  report: Report,
): void {
  if ('problem' in read) {
    if (read.notDicom && !CLAIMS_DICOM.has(extname(path).toLowerCase())) result.skipped += 1;
    else report(path, read.problem);
  } else if (catalog.add(read)) {
    result.found += 1;
  } else {
    const kept = catalog.find(read.instance.sopUid)?.path;
    report(path, `not used: it has the SOP Instance UID of ${kept ? basename(kept) : 'another file'}`);
  }
}

async function* walk(folder: string, report: Report): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    // Dot folders hold our own half-written files and other programs' housekeeping.
    if (entry.name.startsWith('.') || entry.name === 'DICOMDIR') continue;
    if (entry.isSymbolicLink()) report(path, 'not used: symbolic links are not followed');
    else if (entry.isFile()) yield path;
    else if (entry.isDirectory()) {
      try {
        yield* walk(path, report);
      } catch (error) {
        report(path, reasonOf(error));
      }
    }
  }
}
