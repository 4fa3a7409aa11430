import { decodeFrame, parsePart10, sha256Hex } from '../dicom';

/**
 * SHA-256 (hex) of the pixel words of a single-frame Part 10 file, little endian and without encapsulation: what WADO-RS gives as an
 * uncompressed frame has the same hash, whatever transfer syntax the archive keeps.
 */
export async function pixelHashOf(part10: Uint8Array): Promise<string> {
  const { stored } = await decodeFrame(parsePart10(part10));
  return sha256Hex(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
}
