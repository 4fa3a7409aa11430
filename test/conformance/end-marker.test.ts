/** @jest-environment ./test/node-environment.cjs */
import { decodeFrame, parsePart10, type ParsedInstance } from '../../src/dicom';
import { describeWithData, readData } from './corpus';
import { part10, tinyCt } from './part10';

/* What stands behind the end of a code stream, and what stands before its markers. */

const PIXEL_DATA = 0x7fe00010;
const bytes = (...values: number[]) => Uint8Array.from(values);
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function streamOf(parsed: ParsedInstance): Uint8Array {
  const element = parsed.dataset.get(PIXEL_DATA);
  if (!element || !('fragments' in element)) throw new Error('not compressed');
  return concat(...element.fragments);
}

function withStream(parsed: ParsedInstance, ...fragments: Uint8Array[]): ParsedInstance {
  const dataset = new Map(parsed.dataset);
  return {
    ...parsed,
    dataset: dataset.set(PIXEL_DATA, { vr: 'OB', offsetTable: new Uint8Array(0), fragments }),
  };
}

/** Up to FFD9; RLE has no marker and is taken whole. */
function unpadded(stream: Uint8Array): Uint8Array {
  if (stream[0] !== 0xff) return stream;
  const end = Buffer.from(stream).lastIndexOf(Buffer.from([0xff, 0xd9]));
  return stream.subarray(0, end + 2);
}

/** Pixels as bytes: jest compares element by element, in seconds. */
async function pixels(parsed: ParsedInstance): Promise<Buffer> {
  const { buffer, byteOffset, byteLength } = (await decodeFrame(parsed)).stored;
  return Buffer.from(buffer, byteOffset, byteLength);
}

const CTIMAGE = 'conformance/ts/cornerstone3D__CTImage.dcm_';
const KINDS: readonly (readonly [string, string])[] = [
  ['JPEG Baseline', `${CTIMAGE}JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm`],
  ['JPEG Extended', `${CTIMAGE}JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm`],
  ['JPEG Lossless', `${CTIMAGE}JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm`],
  ['JPEG Lossless SV1', `${CTIMAGE}JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm`],
  ['JPEG-LS', `${CTIMAGE}JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm`],
  ['JPEG 2000', `${CTIMAGE}JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm`],
  ['HTJ2K', 'conformance/ts/openjphjs__CT1_HTJ2K_lossless.dcm'],
  ['RLE', `${CTIMAGE}RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm`],
];
const FILLERS: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', bytes()],
  ['one FF', bytes(0xff)],
  ['one 00', bytes(0)],
  ['several FF', bytes(0xff, 0xff, 0xff, 0xff)],
  ['FF and 00', bytes(0xff, 0, 0xff)],
  ['a space', bytes(0x20)],
  ['half a marker', bytes(0, 0xff)],
  ['a kilobyte of 00', new Uint8Array(1024)],
];

describeWithData('filler behind the end marker', () => {
  describe.each(KINDS)('%s', (_, path) => {
    const parsed = parsePart10(readData(path));
    const stream = unpadded(streamOf(parsed));
    let right: Buffer;
    beforeAll(async () => void (right = await pixels(parsed)));
    test.each(FILLERS)('%s', async (_, filler) => {
      expect(right.equals(await pixels(withStream(parsed, concat(stream, filler))))).toBe(true);
      // Also when it is a fragment of its own.
      if (filler.length > 0)
        expect(right.equals(await pixels(withStream(parsed, stream, filler)))).toBe(true);
    });
    test('a stream cut off is refused, whatever filler follows', async () => {
      const half = stream.subarray(0, stream.length >> 1);
      for (const [, filler] of FILLERS)
        await expect(decodeFrame(withStream(parsed, concat(half, filler)))).rejects.toThrow();
    });
  });

  test('an end marker inside a comment is none', async () => {
    const comment = bytes(0xff, 0xfe, 0, 6, 0xff, 0xd9, 0xff, 0xd9);
    for (const [, path] of KINDS.slice(0, 2)) {
      const parsed = parsePart10(readData(path));
      const stream = unpadded(streamOf(parsed));
      const commented = concat(stream.subarray(0, 2), comment, stream.subarray(2));
      expect((await pixels(parsed)).equals(await pixels(withStream(parsed, commented)))).toBe(true);
      const cut = commented.subarray(0, commented.length >> 1);
      await expect(decodeFrame(withStream(parsed, cut))).rejects.toThrow();
    }
  });

  test('the trial of a WG-04 file', async () => {
    const [padded, right] = await Promise.all(
      ['padFF', 'pad00'].map(name => pixels(parsePart10(readData(`trials/11-ff-pad/${name}.dcm`)))),
    );
    expect(padded!.equals(right!)).toBe(true);
  });
});

test('fill bytes before a restart marker', async () => {
  // JPEG Lossless, 32 x 2, 12 bits, a restart after each line; every pixel is its prediction: category 0, code 0.
  const stream = bytes(
    ...[0xff, 0xd8],
    ...[0xff, 0xc4, 0, 20, 0, 1, ...new Array<number>(15).fill(0), 0],
    ...[0xff, 0xff, 0xff, 0xc3, 0, 11, 12, 0, 2, 0, 32, 1, 1, 0x11, 0],
    ...[0xff, 0xdd, 0, 4, 0, 32],
    ...[0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0],
    ...[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xd0, 0, 0, 0, 0, 0xff, 0xd9],
  );
  const dataset = tinyCt({
    rows: 2,
    columns: 32,
    changes: {
      [PIXEL_DATA]: { vr: 'OB', offsetTable: new Uint8Array(0), fragments: [stream] },
    },
  });
  const { stored } = await decodeFrame(parsePart10(part10(dataset, '1.2.840.10008.1.2.4.70')));
  expect(new Set(stored)).toEqual(new Set([2048]));
});
