import { ascii, asciiOf, isEncapsulated, wordOf, type RawDataset, type RawElement } from '../part10/elements';
import type { ParsedInstance } from '../part10/reader';
import { TAG } from '../part10/tags';
import { transferSyntaxOf } from '../part10/transfer-syntax';

/**
 * Lossy Image Compression and its ratio and method, where the source's own transfer syntax lost something but its dataset does not say so
 * (PS3.3 C.7.6.1.1.5): decompressing must not make a lossy image look lossless. Empty when there is nothing to add; what the dataset says is kept.
 */
export function lossyHistory({ dataset, transferSyntaxUid }: ParsedInstance): RawDataset {
  const pixels = dataset.get(TAG.PixelData);
  const added = new Map<number, RawElement>();
  if (!pixels || !isEncapsulated(pixels)) return added;
  const method = lossyMethod(transferSyntaxUid, concatStart(pixels.fragments));
  const inherited = asciiOf(dataset, TAG.LossyImageCompression) === '01';
  if (!method || (inherited && asciiOf(dataset, TAG.LossyImageCompressionRatio) !== '')) return added;
  const compressed = pixels.fragments.reduce((sum, fragment) => sum + fragment.length, 0);
  const [rows, columns, bits] = [TAG.Rows, TAG.Columns, TAG.BitsAllocated].map(
    tag => wordOf(dataset, tag) ?? 0,
  );
  const ratio = (rows! * columns! * bits!) / 8 / compressed;
  added.set(TAG.LossyImageCompression, ascii('CS', '01'));
  added.set(TAG.LossyImageCompressionRatio, ascii('DS', ratio.toFixed(2)));
  if (asciiOf(dataset, TAG.LossyImageCompressionMethod) === '') {
    added.set(TAG.LossyImageCompressionMethod, ascii('CS', method));
  }
  return added;
}

/** Defined terms of PS3.3 C.7.6.1.1.5.1; null when the code stream is lossless, or when it cannot be told. */
function lossyMethod(transferSyntaxUid: string, start: Uint8Array): string | null {
  switch (transferSyntaxOf(transferSyntaxUid).codec) {
    case 'jpeg-baseline':
    case 'jpeg-extended':
      return 'ISO_10918_1';
    case 'jpeg-ls':
      return nearLossless(start) ? 'ISO_14495_1' : null;
    case 'jpeg-2000':
      return isIrreversible(start) ? 'ISO_15444_1' : null;
    case 'htj2k':
      return isIrreversible(start) ? 'ISO_15444_15' : null;
    default:
      return null;
  }
}

/** Headers stand in the first kilobytes, whatever the fragments. */
function concatStart(fragments: readonly Uint8Array[]): Uint8Array {
  const start = new Uint8Array(4096);
  let length = 0;
  for (const fragment of fragments) {
    const part = fragment.subarray(0, start.length - length);
    start.set(part, length);
    length += part.length;
  }
  return start.subarray(0, length);
}

/** The payload of the first marker segment with this code; segments begin after the two bytes of SOI or SOC. */
function segment(start: Uint8Array, code: number): Uint8Array | null {
  for (let at = 2; at + 4 <= start.length && start[at] === 0xff;) {
    const length = (start[at + 2]! << 8) | start[at + 3]!;
    if (start[at + 1] === code) return start.subarray(at + 4, at + 2 + length);
    at += 2 + length;
  }
  return null;
}

/** NEAR of the start of scan (ISO 14495-1, C.2.3): after the component count and two bytes for each component. */
function nearLossless(start: Uint8Array): boolean {
  const scan = segment(start, 0xda);
  return scan !== null && (scan[1 + 2 * scan[0]!] ?? 0) > 0;
}

/** Wavelet transform of the COD segment (ISO 15444-1, A.6.1): 0 is the irreversible 9-7. A reversible stream may still be cut short. */
function isIrreversible(start: Uint8Array): boolean {
  return segment(start, 0x52)?.[9] === 0;
}
