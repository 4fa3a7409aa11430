import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  parseHeader,
  parsePart10 as parse,
  type ParsedHeader,
  type ParsedInstance,
} from '../../../src/dicom';
import { DicomFileError, reasonOf } from './errors';

export const DEFLATED = '1.2.840.10008.1.2.1.99';

/** Everything up to Pixel Data (7FE0,0010), whose value is left in the file. */
export interface Header extends ParsedHeader {
  size: number;
  mtimeMs: number;
}

/** Most headers fit the first step; private blocks and long sequences need the second; the rest is read whole. */
const STEPS = [64 * 1024, 1024 * 1024, Number.POSITIVE_INFINITY];
/** A file without Pixel Data is a header from end to end; the largest plans and structure sets have some hundred megabytes. */
const HEADER_LIMIT = 512 * 1024 * 1024;

/** Parses a whole Part 10 file. Throws `DicomFileError`. */
export const parsePart10 = (bytes: Uint8Array): ParsedInstance => guarded(bytes, parse);

/** Reads as little of a file as its header needs; in its own thread, where waiting for the disk is cheaper than being called back. Throws `DicomFileError`, or Node's error when the file cannot be read. */
export function readHeader(path: string): Header {
  const file = openSync(path, 'r');
  try {
    const { size, mtimeMs } = fstatSync(file);
    for (const step of STEPS) {
      const length = Math.min(size, step);
      if (length > HEADER_LIMIT) throw new DicomFileError(`the header has more than ${HEADER_LIMIT} bytes`);
      const bytes = Buffer.allocUnsafe(length);
      bytes.fill(0, readSync(file, bytes, 0, length, 0));
      const isWhole = length === size;
      try {
        const header = guarded(bytes, parseHeader);
        // Without Pixel Data in sight a cut between two elements looks like the end of the file.
        if (isWhole || header.pixelData) return { ...header, size, mtimeMs };
      } catch (error) {
        if (isWhole || (error instanceof DicomFileError && error.notDicom)) throw error;
      }
    }
    throw new DicomFileError('the file changed while it was read');
  } finally {
    closeSync(file);
  }
}

/** A dataset without the preamble of a file is not served: nobody could open it as a file. */
function guarded<T>(bytes: Uint8Array, read: (bytes: Uint8Array) => T): T {
  if (bytes.length < 132 || String.fromCharCode(...bytes.subarray(128, 132)) !== 'DICM') {
    throw new DicomFileError('not a DICOM Part 10 file: "DICM" is not at byte 128', { notDicom: true });
  }
  try {
    return read(bytes);
  } catch (error) {
    throw new DicomFileError(`the file is damaged or cut off: ${reasonOf(error)}`, { cause: error });
  }
}
