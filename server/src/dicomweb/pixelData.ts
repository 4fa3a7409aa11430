import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import {
  asciiOf,
  frameOf,
  isEncapsulated,
  isSequence,
  TAG,
  valueOf,
  wordOf,
  type ParsedInstance,
  type RawDataset,
  type RawElement,
} from '../../../src/dicom';
import type { Instance } from './catalog';
import { DicomFileError, HttpError, reasonOf } from './errors';
import { bufferOf } from './dicomJson';
import { DEFLATED, parsePart10, type Header } from './header';
import { readInstance } from './instanceFile';

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
/** PS3.18, table 8.7.3-2: compressed frames travel under the media type of their codec. */
const MEDIA_TYPES: [RegExp, string][] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.(50|51|57|70)$/, 'image/jpeg'],
  [/^1\.2\.840\.10008\.1\.2\.4\.8[01]$/, 'image/jls'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[01]$/, 'image/jp2'],
  [/^1\.2\.840\.10008\.1\.2\.4\.9[23]$/, 'image/jpx'],
  [/^1\.2\.840\.10008\.1\.2\.4\.20[123]$/, 'image/jphc'],
  [/^1\.2\.840\.10008\.1\.2\.5$/, 'image/dicom-rle'],
];

export interface Frames {
  mediaType: string;
  transferSyntaxUid: string;
  count: number;
}

/** What an instance's frames are. Throws `HttpError` 404 where it has none. */
export function framesOf(instance: Instance): Frames {
  const { pixelData, dataset } = readInstance(instance);
  if (!pixelData) throw new HttpError(404, 'This instance has no pixel data.');
  const isCompressed = pixelData.length === null;
  return {
    count: frameCountOf(dataset),
    mediaType: isCompressed ? mediaTypeOf(instance.transferSyntaxUid) : 'application/octet-stream',
    transferSyntaxUid: isCompressed ? instance.transferSyntaxUid : EXPLICIT_LITTLE_ENDIAN,
  };
}

function frameCountOf(dataset: RawDataset): number {
  const count = Number.parseInt(asciiOf(dataset, TAG.NumberOfFrames) || '1', 10);
  return Number.isInteger(count) && count > 1 ? count : 1;
}

/** One frame, `number` from 1 as in the URL. Throws `HttpError` 404 past the last frame, 500 where it is damaged. */
export function readFrame(instance: Instance, number: number): Buffer {
  const header = readInstance(instance);
  if (!header.pixelData) throw new HttpError(404, 'This instance has no pixel data.');
  const count = frameCountOf(header.dataset);
  if (number > count) throw new HttpError(404, `Frame ${number} was asked for; this instance has ${count}.`);
  try {
    return header.pixelData.length === null
      ? encapsulatedFrame(instance, header, count, number - 1)
      : nativeFrame(instance, header, header.pixelData.length, count, number - 1);
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(500, `Frame ${number} cannot be read, the file may be damaged: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function mediaTypeOf(transferSyntaxUid: string): string {
  return MEDIA_TYPES.find(([pattern]) => pattern.test(transferSyntaxUid))?.[1] ?? 'application/octet-stream';
}

/** An uncompressed frame is a range of the file; nothing else is read. */
function nativeFrame(
  instance: Instance,
  { dataset, pixelData, mtimeMs }: Header,
  length: number,
  count: number,
  index: number,
): Buffer {
  const word = (tag: number, absent: number) => wordOf(dataset, tag) ?? absent;
  const bits = word(TAG.BitsAllocated, 16);
  const perFrame = word(TAG.Rows, 0) * word(TAG.Columns, 0) * word(TAG.SamplesPerPixel, 1);
  // One-bit frames are packed without padding between them (PS3.5, 8.1.1), so only a lone one starts on a byte.
  if (bits === 1 && count > 1 && perFrame % 8 !== 0)
    throw new HttpError(406, 'Packed one-bit frames are not served one by one.');
  const frameBytes = Math.ceil((perFrame * bits) / 8);
  const start = index * frameBytes;
  if (start + frameBytes > length)
    throw new DicomFileError('the pixel data is shorter than its rows and columns say');
  if (instance.transferSyntaxUid === DEFLATED) {
    const pixels = valueOf(parseWhole(instance, mtimeMs).dataset, TAG.PixelData);
    if (!pixels) throw new DicomFileError('the pixel data cannot be inflated');
    return bufferOf(pixels.subarray(start, start + frameBytes));
  }
  const bytes = readRange(instance.path, pixelData!.offset + start, frameBytes);
  return instance.transferSyntaxUid === BIG_ENDIAN && bits === 16 ? bytes.swap16() : bytes;
}

/** The last file that was parsed as a whole: its frames are asked for one after the other, and each needs all of it. */
let lastWhole: { key: string; parsed: ParsedInstance } | undefined;

function parseWhole(instance: Instance, mtimeMs: number): ParsedInstance {
  const key = `${instance.path}\0${mtimeMs}`;
  if (lastWhole?.key === key) return lastWhole.parsed;
  lastWhole = undefined;
  const parsed = parsePart10(readFileSync(instance.path));
  lastWhole = { key, parsed };
  return parsed;
}

function encapsulatedFrame(instance: Instance, { mtimeMs }: Header, count: number, index: number): Buffer {
  const { dataset } = parseWhole(instance, mtimeMs);
  const pixels = dataset.get(TAG.PixelData);
  if (!pixels || !isEncapsulated(pixels)) throw new DicomFileError('the pixel data has no fragments');
  return bufferOf(frameOf(pixels, count, index, dataset));
}

function readRange(path: string, offset: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    if (readSync(file, bytes, 0, length, offset) < length)
      throw new DicomFileError('the file ends before its pixel data');
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** The value of a bulk element by its path (`00420011`, `30060039/0/30060050`). Throws `HttpError` 404 where the path leads nowhere. */
export function readBulkValue(instance: Instance, path: string): Buffer {
  const steps = path.split('/');
  const tag = steps.pop() ?? '';
  let inner: RawDataset | undefined = readInstance(instance).dataset;
  for (let i = 0; i + 1 < steps.length; i += 2) {
    const sequence: RawElement | undefined = inner?.get(parseInt(steps[i]!, 16));
    inner = sequence && isSequence(sequence) ? sequence.items[Number(steps[i + 1])] : undefined;
  }
  const element = inner?.get(parseInt(tag, 16));
  if (!element || !('value' in element))
    throw new HttpError(404, `This instance has no bulk data at ${path}.`);
  return bufferOf(element.value);
}
