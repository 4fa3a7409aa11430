import { open } from 'node:fs/promises';
import dicomParser, { type DataSet } from 'dicom-parser';
import { vrOf } from './dictionary';
import { DicomFileError, reasonOf } from './errors';
import { readable } from './longValues';

export interface Header {
  /** Elements up to and including Pixel Data (7FE0,0010), whose value may lie outside `dataSet.byteArray`. */
  dataSet: DataSet;
  size: number;
  mtimeMs: number;
}

/** Most headers fit the first step; private blocks and long sequences need the second; the rest is read whole. */
const STEPS = [64 * 1024, 1024 * 1024, Number.POSITIVE_INFINITY];
export const PIXEL_DATA = 'x7fe00010';

/** Parses Part 10 bytes; with `untilPixelData` the walk stops at Pixel Data. Throws `DicomFileError`. */
export function parsePart10(bytes: Buffer, { untilPixelData = false } = {}): DataSet {
  if (bytes.length < 132 || bytes.toString('latin1', 128, 132) !== 'DICM') {
    throw new DicomFileError('not a DICOM Part 10 file: "DICM" is not at byte 128', { notDicom: true });
  }
  try {
    return dicomParser.parseDicom(readable(bytes), {
      ...(untilPixelData && { untilTag: PIXEL_DATA }),
      vrCallback: (tag: string) => {
        const vr = vrOf(tag.slice(1).toUpperCase(), false);
        // dicom-parser guesses sequences among what it does not know; it only does so when given nothing.
        return vr === 'UN' ? undefined : vr;
      },
    });
  } catch (thrown) {
    throw new DicomFileError(`the file is damaged or cut off: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

/** Reads as little of a file as its header needs. Throws `DicomFileError`, or Node's error when the file cannot be read. */
export async function readHeader(path: string): Promise<Header> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeMs } = await file.stat();
    for (const step of STEPS) {
      const length = Math.min(size, step);
      const bytes = Buffer.alloc(length);
      await file.read(bytes, 0, length, 0);
      const isWhole = length === size;
      try {
        const dataSet = parsePart10(bytes, { untilPixelData: true });
        // Without Pixel Data in sight a cut between two elements looks like the end of the file.
        if (isWhole || dataSet.elements[PIXEL_DATA]) return { dataSet, size, mtimeMs };
      } catch (error) {
        if (isWhole || (error instanceof DicomFileError && error.notDicom)) throw error;
      }
    }
    throw new DicomFileError('the file changed while it was read');
  } finally {
    await file.close();
  }
}
