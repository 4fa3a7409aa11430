import { open, readFile } from 'node:fs/promises';
import dicomParser, { type DataSet, type Element } from 'dicom-parser';
import type { Instance } from './catalog';
import { DicomFileError, HttpError, reasonOf } from './errors';
import { bytesOf } from './dicomJson';
import { parsePart10, PIXEL_DATA } from './header';
import { readInstance } from './instanceFile';

const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const DEFLATED = '1.2.840.10008.1.2.1.99';
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
  /** One-based, as in the URL. Throws `HttpError` 404 past the last frame. */
  frame: (number: number) => Promise<Buffer>;
  count: number;
}

/** Opens an instance's pixel data for reading frame by frame. Throws `HttpError` where there is none or it is damaged. */
export async function openFrames(instance: Instance): Promise<Frames> {
  const { dataSet, mtimeMs } = await readInstance(instance);
  const pixels = dataSet.elements[PIXEL_DATA];
  if (!pixels) throw new HttpError(404, 'This instance has no pixel data.');
  const count = Math.max(1, dataSet.intString('x00280008') ?? 1);
  const read = pixels.hadUndefinedLength
    ? await encapsulated(instance, count, mtimeMs)
    : native(instance, dataSet, pixels, count);
  const isCompressed = pixels.hadUndefinedLength === true;
  return {
    count,
    mediaType: isCompressed ? mediaTypeOf(instance.transferSyntaxUid) : 'application/octet-stream',
    transferSyntaxUid: isCompressed ? instance.transferSyntaxUid : EXPLICIT_LITTLE_ENDIAN,
    frame: async number => {
      if (number > count)
        throw new HttpError(404, `Frame ${number} was asked for; this instance has ${count}.`);
      try {
        return await read(number - 1);
      } catch (error) {
        throw new HttpError(
          500,
          `Frame ${number} cannot be read, the file may be damaged: ${reasonOf(error)}`,
          { cause: error },
        );
      }
    },
  };
}

function mediaTypeOf(transferSyntaxUid: string): string {
  return MEDIA_TYPES.find(([pattern]) => pattern.test(transferSyntaxUid))?.[1] ?? 'application/octet-stream';
}

type ReadFrame = (index: number) => Promise<Buffer>;

/** Uncompressed frames are ranges of the file; nothing else is read. */
function native(instance: Instance, header: DataSet, pixels: Element, count: number): ReadFrame {
  const bits = header.uint16('x00280100') ?? 16;
  const samples = header.uint16('x00280002') ?? 1;
  const perFrame = (header.uint16('x00280010') ?? 0) * (header.uint16('x00280011') ?? 0) * samples;
  // One-bit frames are packed without padding between them (PS3.5, 8.1.1), so only a lone one starts on a byte.
  if (bits === 1 && count > 1 && perFrame % 8 !== 0)
    throw new HttpError(406, 'Packed one-bit frames are not served one by one.');
  const length = Math.ceil((perFrame * bits) / 8);
  return async index => {
    if ((index + 1) * length > pixels.length)
      throw new DicomFileError('the pixel data is shorter than its rows and columns say');
    if (instance.transferSyntaxUid === DEFLATED) {
      return Buffer.from(
        header.byteArray.subarray(
          pixels.dataOffset + index * length,
          pixels.dataOffset + (index + 1) * length,
        ),
      );
    }
    const bytes = await readRange(instance.path, pixels.dataOffset + index * length, length);
    return instance.transferSyntaxUid === BIG_ENDIAN && bits === 16 ? bytes.swap16() : bytes;
  };
}

/** The last compressed multi-frame file: its frames are asked for one after the other, and each needs the whole file. */
let lastMultiFrame: { key: string; dataSet: DataSet } | undefined;

async function parseWhole(instance: Instance, count: number, mtimeMs: number): Promise<DataSet> {
  const key = `${instance.path}\0${mtimeMs}`;
  if (lastMultiFrame?.key === key) return lastMultiFrame.dataSet;
  try {
    const dataSet = parsePart10(await readFile(instance.path));
    if (count > 1) lastMultiFrame = { key, dataSet };
    return dataSet;
  } catch (error) {
    throw new HttpError(500, `The pixel data cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/** Fragments are assembled into frames by the offset table, or by the JPEG end markers where there is none. */
async function encapsulated(instance: Instance, count: number, mtimeMs: number): Promise<ReadFrame> {
  const dataSet = await parseWhole(instance, count, mtimeMs);
  const pixels = dataSet.elements[PIXEL_DATA];
  const fragments = pixels?.fragments;
  if (!pixels || !fragments?.length)
    throw new HttpError(500, 'The pixel data has no fragments; the file is damaged.');
  return async index => {
    if (count === 1)
      return Buffer.from(
        dicomParser.readEncapsulatedPixelDataFromFragments(dataSet, pixels, 0, fragments.length),
      );
    if (fragments.length === count)
      return Buffer.from(dicomParser.readEncapsulatedPixelDataFromFragments(dataSet, pixels, index));
    const offsets = pixels.basicOffsetTable?.length
      ? pixels.basicOffsetTable
      : dicomParser.createJPEGBasicOffsetTable(dataSet, pixels);
    return Buffer.from(dicomParser.readEncapsulatedImageFrame(dataSet, pixels, index, offsets));
  };
}

async function readRange(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    if (bytesRead < length) throw new DicomFileError('the file ends before its pixel data');
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * The value of a bulk element by its path (`7FE00010`, `30060039/0/30060050`): one buffer, or one per frame for compressed
 * pixel data. Throws `HttpError` 404 where the path leads nowhere.
 */
export async function readBulkData(
  instance: Instance,
  path: string,
): Promise<{ mediaType: string; values: (() => Promise<Buffer>)[] }> {
  if (path === '7FE00010') {
    const frames = await openFrames(instance);
    // The last one first: a header that announces more frames than there are must not become a list of them.
    await frames.frame(frames.count);
    const mediaType = `${frames.mediaType}; transfer-syntax=${frames.transferSyntaxUid}`;
    return { mediaType, values: Array.from({ length: frames.count }, (_, i) => () => frames.frame(i + 1)) };
  }
  const { dataSet } = await readInstance(instance);
  const steps = path.split('/');
  const tag = steps.pop() ?? '';
  let inner: DataSet | undefined = dataSet;
  for (let i = 0; i + 1 < steps.length; i += 2) {
    inner = inner?.elements[`x${steps[i]?.toLowerCase()}`]?.items?.[Number(steps[i + 1])]?.dataSet;
  }
  const element = inner?.elements[`x${tag.toLowerCase()}`];
  if (!inner || !element) throw new HttpError(404, `This instance has no bulk data at ${path}.`);
  const value = Buffer.from(bytesOf(inner, element));
  return { mediaType: 'application/octet-stream', values: [async () => value] };
}
