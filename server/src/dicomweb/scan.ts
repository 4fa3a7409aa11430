import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Catalog } from './catalog';
import { DicomFileError, reasonOf } from './errors';
import type { Readers } from './readers';

const PARALLEL_READS = 8;
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
  const files = walk(real, report);
  const worker = async () => {
    for await (const path of files) {
      if (signal.aborted) return;
      await indexFile(path, catalog, readers, result, report, signal);
      onFile();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_READS }, worker));
  return result;
}

type Report = (path: string, problem: string) => void;

async function indexFile(
  path: string,
  catalog: Catalog,
  readers: Readers,
  result: ScanResult,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  try {
    const described = await readers.runLater('describe', path);
    if (catalog.add(described)) {
      result.found += 1;
      return;
    }
    const kept = catalog.find(described.instance.sopUid)?.path;
    report(path, `not used: it has the SOP Instance UID of ${kept ? basename(kept) : 'another file'}`);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof DicomFileError && error.notDicom && !CLAIMS_DICOM.has(extname(path).toLowerCase())) {
      result.skipped += 1;
      return;
    }
    report(path, reasonOf(error));
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
