import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isEncapsulated, TAG, type ParsedInstance } from '../../../src/dicom';
import type { Described, Instance } from './catalog';
import { describe } from './describe';
import { toDicomJson, type JsonDataset } from './dicomJson';
import { DicomFileError } from './errors';
import { parsePart10, readHeader } from './header';
import { readInstance } from './instanceFile';
import { framesOf, readBulkValue, readFrame } from './pixelData';

/** OHIF inlines nothing it does not need; what is longer than this is fetched when somebody asks. */
const INLINE_LIMIT = 1024;

/**
 * What needs a file of a stranger to be parsed. Run in threads (readers.ts), so that a hostile or merely large file keeps nobody else waiting;
 * arguments and results are copied between threads.
 */
export const TASKS = {
  describe: async (path: string): Promise<Described> => describe(path, await readHeader(path)),

  /** An instance that arrived, read to its end, and the digest of its pixels. */
  receive: async (path: string): Promise<{ described: Described; digest: string }> => {
    const bytes = await readFile(path);
    const parsed = parsePart10(bytes);
    const header = { ...parsed, pixelData: null, size: bytes.length, mtimeMs: Date.now() };
    return { described: describe(path, header), digest: digestOf(parsed, bytes) };
  },

  pixelDigest: async (path: string): Promise<string> => {
    const bytes = await readFile(path);
    return digestOf(parsePart10(bytes), bytes);
  },

  /** An instance's header as DICOM JSON, its bulk data as links below `base` (a path on this server). */
  metadata: async (instance: Instance, base: string): Promise<JsonDataset> =>
    toDicomJson(await readInstance(instance), {
      inlineLimit: INLINE_LIMIT,
      bulkDataUri: path => `${base}/bulkdata/${path}`,
    }),

  /** Throws as `readInstance` where the file no longer holds the instance. */
  check: async (instance: Instance): Promise<void> => {
    await readInstance(instance);
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
