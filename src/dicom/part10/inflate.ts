import { Inflate } from 'fflate';
import { DenoiseError } from '../../notices';
import { unreadable } from './errors';

/** More than this is refused whatever it was inflated from: twice as much is needed for a moment, and a page has about 600 MB to spare. */
export const INFLATED_LIMIT = 256 * 2 ** 20;
/**
 * From here on a dataset may be this many times as large as what has been read of it. CT deflates three- to tenfold, a frame of one value a
 * thousandfold, and a decompression bomb a thousandfold throughout.
 */
const SUSPECT_FROM = 16 * 2 ** 20;
const SUSPECT_RATIO = 100;
/** What is inflated at once: the check comes after each step, when at most a thousand times as much was made. */
const STEP = 8 * 1024;

/**
 * Inflates a dataset of Deflated Explicit VR Little Endian (PS3.5 A.5).
 * @throws DenoiseError `unreadable-dicom`: damaged, cut off, or larger than a dataset can be; found while inflating
 */
export function inflate(deflated: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let complete = false;
  const inflater = new Inflate((chunk, final) => {
    length += chunk.length;
    chunks.push(chunk);
    complete ||= final;
  });
  try {
    for (let at = 0; at < deflated.length && !complete; at += STEP) {
      const end = Math.min(deflated.length, at + STEP);
      inflater.push(deflated.subarray(at, end), end === deflated.length);
      if (length > INFLATED_LIMIT || (length > SUSPECT_FROM && length > SUSPECT_RATIO * end))
        throw unreadable('the deflated dataset is implausibly large');
    }
  } catch (error) {
    throw error instanceof DenoiseError ? error : unreadable('the deflated dataset is damaged', error);
  }
  if (!complete) throw unreadable('the deflated dataset is cut off');
  const inflated = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    inflated.set(chunk, at);
    at += chunk.length;
  }
  return inflated;
}
