import { DenoiseError } from '../../notices';
import { asciiOf, type RawDataset, type RawElement } from './elements';
import { unreadable } from './errors';
import { ElementReader, type Encoding } from './element-reader';
import { inflate } from './inflate';
import { TAG } from './tags';
import {
  EXPLICIT_VR_BIG_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  transferSyntaxOf,
} from './transfer-syntax';

/** A Part 10 file or bare dataset, read but not decoded. */
export interface ParsedInstance {
  readonly transferSyntaxUid: string;
  /** Group 0002; empty when the file has none. */
  readonly meta: RawDataset;
  readonly dataset: RawDataset;
  /** What was wrong with the file but could be read with certainty. */
  readonly oddities: readonly string[];
}

/**
 * Reads a Part 10 file (PS3.10), or a dataset without preamble or without file meta information, in any transfer syntax; Pixel Data is
 * kept encoded. Values are little endian afterwards, whatever the file was. Little endian values are views on `bytes`.
 * @throws DenoiseError `unreadable-dicom`: not DICOM, cut off, or contradictory (a length that leaves its container, an element twice
 * with two values). Never any other error, and the work is bounded by the length of `bytes`.
 */
export function parsePart10(bytes: Uint8Array | ArrayBuffer): ParsedInstance {
  return guarded(() => {
    const { reader, oddities, ...of } = open(plain(bytes));
    const dataset = reader.dataset();
    if (dataset.size === 0) throw unreadable('there is no dataset');
    if (
      !transferSyntaxOf(of.transferSyntaxUid).codec &&
      isEncapsulatedPixelData(dataset.get(TAG.PixelData))
    ) {
      throw unreadable('the pixels are compressed, but the transfer syntax says they are not');
    }
    return { transferSyntaxUid: of.transferSyntaxUid, meta: of.meta, dataset, oddities };
  });
}

/** What stands before Pixel Data, and where that lies. */
export interface ParsedHeader extends ParsedInstance {
  /** Null when the bytes end without Pixel Data (7FE0,0010). */
  readonly pixelData: {
    readonly vr: string;
    /** From the start of `bytes`; of a deflated dataset, from the start of what it inflates to. */
    readonly offset: number;
    /** In bytes; null for encapsulated pixels. */
    readonly length: number | null;
  } | null;
}

/**
 * Reads a file, or the first part of one, up to Pixel Data, whose value may lie beyond the end of `bytes`.
 * @throws DenoiseError `unreadable-dicom` as `parsePart10`, and when `bytes` end inside an element before it
 */
export function parseHeader(bytes: Uint8Array): ParsedHeader {
  return guarded(() => {
    const { reader, offset, transferSyntaxUid, meta, oddities } = open(plain(bytes));
    const { dataset, stop } = reader.until(TAG.PixelData);
    const pixelData = stop && { ...stop, offset: stop.offset + offset };
    return { transferSyntaxUid, meta, dataset, oddities, pixelData };
  });
}

/** A Node Buffer becomes a plain Uint8Array: its `slice` would not copy. */
const plain = (bytes: Uint8Array | ArrayBuffer): Uint8Array =>
  bytes instanceof Uint8Array
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    : new Uint8Array(bytes);

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DenoiseError) throw error;
    throw unreadable('the file is damaged', error);
  }
}

interface Opened {
  readonly transferSyntaxUid: string;
  readonly meta: RawDataset;
  readonly oddities: string[];
  readonly reader: ElementReader;
  /** Where the dataset begins in the file; 0 when it is deflated. */
  readonly offset: number;
}

function open(bytes: Uint8Array): Opened {
  const oddities: string[] = [];
  const start = hasPrefix(bytes, 128) ? 132 : hasPrefix(bytes, 0) ? 4 : 0;
  if (start !== 132) oddities.push('no preamble');
  const { meta, end } = readMeta(bytes, start, oddities);
  let body = bytes.subarray(end);
  let offset = end;
  if (body.length < 8) throw unreadable(bytes.length === 0 ? 'the file is empty' : 'there is no dataset');

  let transferSyntaxUid = asciiOf(meta, TAG.TransferSyntaxUID);
  if (transferSyntaxUid && transferSyntaxOf(transferSyntaxUid).deflated) {
    body = inflate(body);
    offset = 0;
  }
  const seen = encodingOf(body);
  if (!transferSyntaxUid) {
    if (!seen) throw unreadable(start === 0 ? 'this is not a DICOM file' : 'the transfer syntax is missing');
    oddities.push('no Transfer Syntax UID');
    transferSyntaxUid = seen.bigEndian
      ? EXPLICIT_VR_BIG_ENDIAN
      : seen.explicit
        ? EXPLICIT_VR_LITTLE_ENDIAN
        : IMPLICIT_VR_LITTLE_ENDIAN;
  }
  const declared: Encoding = transferSyntaxOf(transferSyntaxUid);
  let encoding: Encoding = declared;
  if (seen && (seen.explicit !== declared.explicit || seen.bigEndian !== declared.bigEndian)) {
    oddities.push('the dataset is not encoded as its Transfer Syntax UID says');
    encoding = seen;
  }
  return { transferSyntaxUid, meta, oddities, reader: new ElementReader(body, encoding, oddities), offset };
}

function hasPrefix(bytes: Uint8Array, offset: number): boolean {
  return (
    bytes[offset] === 0x44 &&
    bytes[offset + 1] === 0x49 &&
    bytes[offset + 2] === 0x43 &&
    bytes[offset + 3] === 0x4d
  );
}

/** Group 0002, always Explicit VR Little Endian. Its end is where the group changes: group lengths are missing or wrong in real files. */
function readMeta(bytes: Uint8Array, start: number, oddities: string[]): { meta: RawDataset; end: number } {
  const reader = new ElementReader(bytes.subarray(start), { explicit: true, bigEndian: false }, oddities);
  const meta = reader.group(0x0002);
  if (meta.size === 0) oddities.push('no file meta information');
  return { meta, end: start + reader.position };
}

/**
 * The encoding the first element shows: a dataset begins in group 0008 (rarely another low one), and an explicit VR is two capital letters.
 * Null when it looks like none.
 */
function encodingOf(body: Uint8Array): Encoding | null {
  const letters = isCapital(body[4]) && isCapital(body[5]);
  const low = body[0] !== 0 && body[0]! <= 0x20 && body[1] === 0;
  const high = body[0] === 0 && body[1] !== 0 && body[1]! <= 0x20;
  if (high && letters) return { explicit: true, bigEndian: true };
  if (low && letters) return { explicit: true, bigEndian: false };
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (low && view.getUint32(4, true) <= body.length - 8) return { explicit: false, bigEndian: false };
  return null;
}

const isCapital = (byte: number | undefined) => byte !== undefined && byte >= 0x41 && byte <= 0x5a;

function isEncapsulatedPixelData(element: RawElement | undefined): boolean {
  return element !== undefined && 'fragments' in element;
}
