import type { StoredPixels } from '../../ct';
import { DenoiseError } from '../../notices';
import { announcedBy, codecOf, type Decoded } from './codecs';
import {
  asciiOf,
  isEncapsulated,
  type EncapsulatedElement,
  type ValueElement,
  wordOf,
} from '../part10/elements';
import { frameOf } from './encapsulated';
import { undecodable, unreadable } from '../part10/errors';
import { numberOf } from '../part10/numeric-strings';
import type { ParsedInstance } from '../part10/reader';
import { TAG } from '../part10/tags';
import { transferSyntaxOf } from '../part10/transfer-syntax';

/** 4096 x 4096, four times the largest matrix of a CT: a decoder needs up to 24 bytes for each pixel at once. */
const MAX_PIXELS = 2 ** 24;
/** Of a JPEG 2000 code stream (ISO 15444-1, B.3). */
const MAX_TILES = 65_535;

/** Pixel words of one frame as stored, before the Modality LUT, rows x columns, row-major. */
export interface DecodedFrame {
  readonly stored: StoredPixels;
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
}

/**
 * Decodes one frame of monochrome pixels.
 * @param frameIndex from 0
 * @throws DenoiseError: refusal `undecodable` for a transfer syntax or pixel format that nothing here decodes, refusal `colour`; fault
 * `unreadable-dicom` when the pixels are damaged or do not agree with Rows, Columns, bits or Number of Frames.
 */
export async function decodeFrame(parsed: ParsedInstance, frameIndex = 0): Promise<DecodedFrame> {
  const layout = layoutOf(parsed);
  const element = parsed.dataset.get(TAG.PixelData);
  if (!element || !('value' in element || isEncapsulated(element))) throw unreadable('there are no pixels');
  if (frameIndex < 0 || frameIndex >= layout.frames) throw unreadable(`there is no frame ${frameIndex + 1}`);
  const stored = isEncapsulated(element)
    ? await decompress(parsed, element, layout, frameIndex)
    : native(element, layout, frameIndex);
  const { rows, columns, bitsAllocated, bitsStored, signed } = layout;
  return { stored, rows, columns, bitsAllocated, bitsStored, signed };
}

interface Layout extends Omit<DecodedFrame, 'stored'> {
  readonly frames: number;
}

function layoutOf({ dataset, transferSyntaxUid }: ParsedInstance): Layout {
  const needed = (tag: number, name: string) => {
    const value = wordOf(dataset, tag);
    if (value === undefined) throw unreadable(`${name} is missing`);
    return value;
  };
  const photometric = asciiOf(dataset, TAG.PhotometricInterpretation);
  if ((wordOf(dataset, TAG.SamplesPerPixel) ?? 1) !== 1 || !photometric.startsWith('MONOCHROME')) {
    throw new DenoiseError({ kind: 'refusal', code: 'colour', photometricInterpretation: photometric });
  }
  const rows = needed(TAG.Rows, 'Rows');
  const columns = needed(TAG.Columns, 'Columns');
  if (rows === 0 || columns === 0) throw unreadable(`the matrix is ${rows} x ${columns}`);
  if (rows * columns > MAX_PIXELS)
    throw unreadable(`the matrix is ${rows} x ${columns}, more than ${MAX_PIXELS} pixels`);
  const bitsAllocated = needed(TAG.BitsAllocated, 'Bits Allocated');
  if (bitsAllocated !== 8 && bitsAllocated !== 16) throw undecodable(transferSyntaxUid);
  const bitsStored = wordOf(dataset, TAG.BitsStored) ?? bitsAllocated;
  if (bitsStored < 1 || bitsStored > bitsAllocated) throw unreadable(`Bits Stored is ${bitsStored}`);
  const signed = (wordOf(dataset, TAG.PixelRepresentation) ?? 0) === 1;
  const frames = numberOf(dataset, TAG.NumberOfFrames) ?? 1;
  if (!Number.isInteger(frames) || frames < 1) throw unreadable('Number of Frames is not a number');
  return { rows, columns, bitsAllocated, bitsStored, signed, frames };
}

function native({ value }: ValueElement, layout: Layout, frameIndex: number): StoredPixels {
  const { rows, columns, bitsAllocated, signed, frames } = layout;
  const frameBytes = (rows * columns * bitsAllocated) / 8;
  const expected = frameBytes * frames;
  // Exactly, but for the byte that makes it even: with any other length, Rows or Columns may be wrong and the image would be sheared.
  if (value.length !== expected && value.length !== expected + (expected % 2)) {
    throw unreadable(`there are ${value.length} bytes of pixels where ${expected} belong`);
  }
  const { buffer } = value.slice(frameIndex * frameBytes, (frameIndex + 1) * frameBytes);
  if (bitsAllocated === 8) return signed ? new Int8Array(buffer) : new Uint8Array(buffer);
  return signed ? new Int16Array(buffer) : new Uint16Array(buffer);
}

async function decompress(
  parsed: ParsedInstance,
  element: EncapsulatedElement,
  layout: Layout,
  frameIndex: number,
): Promise<StoredPixels> {
  const { codec } = transferSyntaxOf(parsed.transferSyntaxUid);
  if (codec === 'other' || codec === null) throw undecodable(parsed.transferSyntaxUid);
  const encoded = frameOf(element, layout.frames, frameIndex, parsed.dataset);
  refuseOtherSize(encoded, layout);
  const decode = await codecOf(codec).catch((cause: unknown) => {
    throw undecodable(parsed.transferSyntaxUid, cause);
  });
  let decoded: Decoded;
  try {
    decoded = decode(encoded, layout);
  } catch (error) {
    throw error instanceof DenoiseError ? error : unreadable('the compressed pixels are damaged', error);
  }
  const { rows, columns } = layout;
  if (decoded.rows !== rows || decoded.columns !== columns || decoded.words.length !== rows * columns) {
    throw otherSize(decoded, { rows, columns });
  }
  if (decoded.bits > layout.bitsAllocated) {
    throw unreadable(
      `the compressed image has ${decoded.bits} bits, the header allows ${layout.bitsAllocated}`,
    );
  }
  return asStored(decoded, layout);
}

/** A code stream that announces another image than the header is damaged, and its decoder would reserve memory for what it announces. */
function refuseOtherSize(encoded: Uint8Array, { rows, columns }: Layout): void {
  const announced = announcedBy(encoded);
  if (!announced) return;
  if (announced.rows !== rows || announced.columns !== columns) throw otherSize(announced, { rows, columns });
  if (announced.components !== 1)
    throw unreadable(`the compressed image has ${announced.components} components`);
  if (announced.bits > 16) throw unreadable(`the compressed image has ${announced.bits} bits`);
  if (!(announced.tiles <= MAX_TILES)) throw unreadable(`the compressed image has ${announced.tiles} tiles`);
}

type Size = Pick<Layout, 'rows' | 'columns'>;

const otherSize = (found: Size, expected: Size) =>
  unreadable(
    `the compressed image is ${found.columns} x ${found.rows}, the header says ${expected.columns} x ${expected.rows}`,
  );

/**
 * Words as Pixel Representation says. The code stream's own signedness may differ from it (JPEG has none, and some archives write JPEG 2000
 * wrongly); the header counts, and the bits of the code stream's precision are what it speaks of, as pydicom and gdcm read it.
 */
function asStored({ words, bits }: Decoded, { bitsAllocated, signed }: Layout): StoredPixels {
  const ArrayType =
    bitsAllocated === 8 ? (signed ? Int8Array : Uint8Array) : signed ? Int16Array : Uint16Array;
  const stored = new ArrayType(words.length);
  const unused = 32 - bits;
  for (let i = 0; i < words.length; i++) {
    stored[i] = signed ? (words[i]! << unused) >> unused : (words[i]! << unused) >>> unused;
  }
  return stored;
}
