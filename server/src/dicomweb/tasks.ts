import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isEncapsulated, TAG, type ParsedInstance } from '../../../src/dicom';
import type { Described, Instance } from './catalog';
import { describe } from './describe';
import { toDicomJson, type JsonDataset } from './dicomJson';
import { DicomFileError, reasonOf } from './errors';
import { parsePart10, readHeader } from './header';
import { readInstance } from './instanceFile';
import { framesOf, readBulkValue, readFrame } from './pixelData';

/** Why a file is not in the index. */
export interface Unread {
  readonly problem: string;
  /** The file does not even claim to be DICOM. */
  readonly notDicom: boolean;
}

/** OHIF inlines nothing it does not need; what is longer than this is fetched when somebody asks. */
const INLINE_LIMIT = 1024;

/**
 * What needs a file of a stranger to be parsed. Run in threads (readers.ts), so that a hostile or merely large file keeps nobody else waiting;
 * arguments and results are copied between threads.
 */
export const TASKS = {
  describeAll: (paths: readonly string[]): (Described | Unread)[] =>
    paths.map(path => {
      try {
        return describe(path, readHeader(path));
      } catch (error) {
        return { problem: reasonOf(error), notDicom: error instanceof DicomFileError && error.notDicom };
      }
    }),

  /** An instance that arrived, read to its end, and the digest of its pixels. */
  receive: (path: string): { described: Described; digest: string } => {
    const bytes = readFileSync(path);
    const parsed = parsePart10(bytes);
    const header = { ...parsed, pixelData: null, size: bytes.length, mtimeMs: Date.now() };
    return { described: describe(path, header), digest: digestOf(parsed, bytes) };
  },

  pixelDigest: (path: string): string => {
    const bytes = readFileSync(path);
    return digestOf(parsePart10(bytes), bytes);
  },

  /** An instance's header as DICOM JSON, its bulk data as links below `base` (a path on this server). */
  metadata: (instance: Instance, base: string): JsonDataset =>
    toDicomJson(readInstance(instance), {
      inlineLimit: INLINE_LIMIT,
      bulkDataUri: path => `${base}/bulkdata/${path}`,
    }),

  /** Throws as `readInstance` where the file no longer holds the instance. */
  check: (instance: Instance): void => {
    readInstance(instance);
  },
  frames: framesOf,
  frame: readFrame,
  bulkValue: readBulkValue,
};

export type Tasks = typeof TASKS;

/** Of the transfer syntax and the stored pixels, bit for bit. */
function digestOf({ transferSyntaxUid, dataset }: ParsedInstance, bytes: Uint8Array): string {
  const pixels = dataset.get(TAG.PixelData);
  const hash = createHash('sha256').update(transferSyntaxUid);
  if (!pixels) {
    // Without pixels (a report, a plan) the data set itself is what must not change.
    hash.update(bytes);
  } else if (isEncapsulated(pixels)) {
    for (const fragment of [pixels.offsetTable, ...pixels.fragments])
      hash.update(String(fragment.length)).update(fragment);
  } else if ('value' in pixels) hash.update(pixels.value);
  else throw new DicomFileError('the pixel data is a sequence');
  return hash.digest('hex');
}
