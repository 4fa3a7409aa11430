import { sha256Hex } from '../dicom';
import { DenoiseError } from '../notices';
import { NoAnswer, ReadRefused, type DicomWebClient } from './dicomweb';
import type { JournalEntry } from './journal';
import { pixelHashOf } from './pixels';
import type { FailureReason } from './failure-reason';

/**
 * SHA-256 (hex) of the pixel words the server gives for an instance. Frames are uncompressed on the wire and need no parsing; not every archive
 * serves them, and some send them in another form than was asked for. Then the file tells, which says itself how it is encoded.
 * @throws ReadRefused, NoAnswer, DenoiseError for a file that cannot be decoded, the signal's reason
 */
export async function readBack(
  client: DicomWebClient,
  studyInstanceUid: string,
  { seriesInstanceUid, sopInstanceUid, pixelHash }: JournalEntry,
  signal?: AbortSignal,
): Promise<string> {
  const uids = [studyInstanceUid, seriesInstanceUid, sopInstanceUid] as const;
  let frameHash: string | null = null;
  try {
    frameHash = await sha256Hex(await client.frame(...uids, signal));
    if (frameHash === pixelHash) return frameHash;
  } catch (error) {
    if (!(error instanceof ReadRefused)) throw error;
  }
  try {
    return await pixelHashOf(await client.instance(...uids, signal));
  } catch (error) {
    if (error instanceof ReadRefused && frameHash !== null) return frameHash;
    throw error;
  }
}

/** Why an instance could not be read back. Throws what is no matter of the server. */
export function unverified(error: unknown): FailureReason {
  if (error instanceof ReadRefused) return { code: 'not-readable', status: error.status };
  if (error instanceof NoAnswer) return { code: 'unreachable' };
  if (error instanceof DenoiseError) return { code: 'not-decodable' };
  throw error;
}
