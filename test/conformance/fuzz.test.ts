import fc from 'fast-check';
import { judgeSeries, sliceFromStored, type StoredPixels } from '../../src/ct';
import { decodeFrame, deriveInstance, naturalize, parsePart10 } from '../../src/dicom';
import { DenoiseError } from '../../src/notices';
import { provenance } from '../unit/dicom-fixtures';
import { describeWithData, readData } from './corpus';
import { part10, text, tinyCt } from './part10';

/*
 * Structure-aware mutations through read, verdict, decode and derive. Fixed seeds, so a failure comes back; a time limit bounds slow machines
 * (fast-check then stops without failing, after at least the runs it had time for).
 */
const RUNS = {
  numRuns: 1500,
  seed: 20260304,
  interruptAfterTimeLimit: 12_000,
  markInterruptAsFailure: false,
};
/** One file may not take more processor time; a hang would. Not wall time: a busy machine gives a test a tenth of it. */
const HANG_MS = 5000;
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

interface Accepted {
  readonly stored: StoredPixels;
  readonly format: string;
}

const FORMAT = [
  'Rows',
  'Columns',
  'BitsAllocated',
  'BitsStored',
  'PixelRepresentation',
  'RescaleSlope',
  'RescaleIntercept',
];

/** What the product would denoise, or null for a refusal of any kind; any other error is a finding. */
async function accepted(bytes: Uint8Array): Promise<Accepted | null> {
  const start = cpuMs();
  try {
    const parsed = parsePart10(bytes);
    const instance = naturalize(parsed);
    if (judgeSeries([instance], null).kind === 'refused') return null;
    const frame = await decodeFrame(parsed);
    const { hu } = sliceFromStored(frame.stored, instance);
    const { part10: derived } = await deriveInstance({
      source: { parsed, stored: frame.stored },
      hu,
      provenance,
      createdAt: new Date(0),
    });
    // What we write, we read: the derived pixels of unchanged HU are the source's.
    const again = await decodeFrame(parsePart10(derived));
    const words = frame.stored;
    const unused = 32 - frame.bitsStored;
    const clean = words.map(word =>
      frame.signed ? (word << unused) >> unused : (word << unused) >>> unused,
    );
    const isPadding = sliceFromStored(words, instance).padding;
    const unlike = again.stored.findIndex((word, i) => word !== (isPadding?.[i] ? words[i] : clean[i]));
    expect(unlike).toBe(-1);
    return { stored: words, format: FORMAT.map(keyword => String(instance[keyword])).join(' ') };
  } catch (error) {
    if (error instanceof DenoiseError) return null;
    throw error;
  } finally {
    expect(cpuMs() - start).toBeLessThan(HANG_MS);
  }
}

interface Span {
  readonly tag: number;
  /** Where the tag stands, and where the value begins and ends. */
  readonly at: number;
  readonly value: number;
  readonly end: number;
}

const LONG = ['OB', 'OW', 'SQ', 'UN', 'UT'];

/** The elements of a file made by `part10`, file meta information included. */
function spans(file: Uint8Array): Span[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found: Span[] = [];
  for (let at = 132; at < file.length;) {
    const tag = ((view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)) >>> 0;
    const long = LONG.includes(String.fromCharCode(file[at + 4]!, file[at + 5]!));
    const value = at + (long ? 12 : 8);
    const end = value + (long ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true));
    found.push({ tag, at, value, end });
    at = end;
  }
  return found;
}

type Mutate = (file: Uint8Array, span: Span) => Uint8Array;

const patched = (file: Uint8Array, at: number, bytes: readonly number[]): Uint8Array => {
  const copy = file.slice();
  if (at < copy.length) copy.set(bytes.slice(0, copy.length - at), at);
  return copy;
};
const spliced = (file: Uint8Array, at: number, remove: number, insert: readonly number[]): Uint8Array =>
  Uint8Array.from([...file.subarray(0, at), ...insert, ...file.subarray(at + remove)]);

const byte = fc.integer({ min: 0, max: 255 });
const VRS = [
  'AE',
  'DS',
  'IS',
  'LO',
  'OB',
  'OW',
  'PN',
  'SQ',
  'SS',
  'UI',
  'UL',
  'UN',
  'US',
  'UT',
  'ZZ',
  '??',
  '\0\0',
  'ox',
];
const codes = (vr: string) => [vr.charCodeAt(0), vr.charCodeAt(1)];

/** Mutations of the structure: whatever they do, they change no value that says how pixels are to be read. */
const structural: fc.Arbitrary<Mutate> = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map(
    tag =>
      (file: Uint8Array, { at }: Span) =>
        patched(file, at, tag),
  ),
  fc.constantFrom(...VRS).map(
    vr =>
      (file: Uint8Array, { at }: Span) =>
        patched(file, at + 4, codes(vr)),
  ),
  fc.tuple(byte, byte).map(
    length =>
      (file: Uint8Array, { at }: Span) =>
        patched(file, at + 6, length),
  ),
  fc.tuple(byte, byte, byte, byte).map(
    length =>
      (file: Uint8Array, { at }: Span) =>
        patched(file, at + 8, length),
  ),
  fc.constant((file: Uint8Array, { at }: Span) =>
    patched(file, at + 6, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  ),
  fc.array(byte, { minLength: 1, maxLength: 9 }).map(
    bytes =>
      (file: Uint8Array, { at }: Span) =>
        spliced(file, at, 0, bytes),
  ),
  fc.integer({ min: 1, max: 12 }).map(
    count =>
      (file: Uint8Array, { at }: Span) =>
        spliced(file, at, count, []),
  ),
  fc.constant((file: Uint8Array, { at, end }: Span) => spliced(file, at, end - at, [])),
  fc.constant((file: Uint8Array, { at, end }: Span) => spliced(file, end, 0, [...file.subarray(at, end)])),
);

/** Mutations of values, in which another image may come out, but never a crash. */
const inValues: fc.Arbitrary<Mutate> = fc.oneof(
  fc.array(byte, { minLength: 1, maxLength: 6 }).map(
    bytes =>
      (file: Uint8Array, { value }: Span) =>
        patched(file, value, bytes),
  ),
  fc.constantFrom('', '1e999', 'nan', '-0', '1\\2', '\0\0', '99999999999999999999', '１').map(
    words =>
      (file: Uint8Array, { value, end }: Span) =>
        patched(file, value, [...Buffer.from(words.padEnd(end - value).slice(0, end - value), 'latin1')]),
  ),
);

const PIXEL_DATA = 0x7fe00010;
const META = 0x0002;

jest.setTimeout(300_000);

describe('fuzz: native pixels', () => {
  const stored = Int16Array.from({ length: 40 * 48 }, (_, i) =>
    i % 50 === 0 ? -2000 : ((i * 37) % 3000) - 1000,
  );
  const file = part10(
    tinyCt({
      stored,
      bitsStored: 16,
      signed: true,
      intercept: '0',
      changes: {
        0x00280120: { vr: 'SS', value: Buffer.from(Int16Array.of(-2000).buffer) },
        0x00081140: { vr: 'SQ', items: [new Map([[0x00081155, text('UI', '1.2.3')]]), new Map()] },
        0x00091001: { vr: 'UN', value: Buffer.from('private ') },
        0x00090010: text('LO', 'NOBODY'),
      },
    }),
  );
  const elements = spans(file);
  const span = fc.constantFrom(...elements);

  test('the file itself is accepted', async () => {
    expect(await accepted(file)).not.toBeNull();
  });
  test('one broken place: a refusal, or the very same pixels in the very same format', async () => {
    const whole = (await accepted(file))!;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(structural, span, async (mutate, where) => {
        const result = await accepted(mutate(file, where));
        if (!result) refused++;
        else {
          expect(Buffer.compare(Buffer.from(result.stored.buffer), Buffer.from(whole.stored.buffer))).toBe(0);
          expect(result.format).toBe(whole.format);
        }
      }),
      RUNS,
    );
    // The mutations bite.
    expect(refused).toBeGreaterThan(100);
  });
  test('several broken places, in values too: no crash, no hang', async () => {
    const several = fc.array(fc.tuple(fc.oneof(structural, inValues), span), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(several, async mutations => {
        await accepted(mutations.reduce((bytes, [mutate, where]) => mutate(bytes, where), file));
      }),
      RUNS,
    );
  });
  test('cut off anywhere: never accepted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: file.length - 1 }), async length => {
        expect(await accepted(file.slice(0, length))).toBeNull();
      }),
      { ...RUNS, numRuns: 600 },
    );
  });
  test('another number of pixels, or another Rows, Columns or Bits Allocated: never accepted', async () => {
    const pixels = elements.find(({ tag }) => tag === PIXEL_DATA)!;
    const size = pixels.end - pixels.value;
    const view = (bytes: Uint8Array) => new DataView(bytes.buffer);
    const withLength = (length: number) => {
      const copy = new Uint8Array(pixels.value + length);
      copy.set(file.subarray(0, copy.length));
      view(copy).setUint32(pixels.value - 4, length, true);
      return copy;
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 * size }), async length => {
        fc.pre(length !== size);
        expect(await accepted(withLength(length))).toBeNull();
      }),
      { ...RUNS, numRuns: 200 },
    );
    const formats = elements.filter(({ tag }) => [0x00280010, 0x00280011, 0x00280100].includes(tag));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...formats),
        fc.integer({ min: 0, max: 0xffff }),
        async ({ value }, changed) => {
          fc.pre(changed !== view(file).getUint16(value, true));
          const copy = file.slice();
          view(copy).setUint16(value, changed, true);
          expect(await accepted(copy)).toBeNull();
        },
      ),
      { ...RUNS, numRuns: 300 },
    );
  });
  test('any bytes at all, with and without the prefix: no crash, never accepted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom(0, 132, elements.find(e => e.tag >>> 16 > META)!.at),
        async (tail, head) => {
          expect(await accepted(Uint8Array.from([...file.subarray(0, head), ...tail]))).toBeNull();
        },
      ),
      RUNS,
    );
  });
  test('five thousand nested sequences do not overflow the stack', async () => {
    const nested = Buffer.alloc(20 * 5000);
    for (let at = 0; at < nested.length; at += 20) {
      Buffer.from([
        0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff,
        0xff,
      ]).copy(nested, at);
    }
    const start = elements.find(({ tag }) => tag === 0x00081140)!.at;
    expect(await accepted(Uint8Array.from([...file.subarray(0, start), ...nested]))).toBeNull();
  });
});

describeWithData('fuzz: compressed pixels', () => {
  const files = [
    'conformance/ts/dicomParser__CT1_UNC.fragmented_bot_jpeg_ls.80.dcm',
    'conformance/ts/cornerstone3D__CTImage.dcm_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm',
    'conformance/ts/cornerstone3D__CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm',
    'conformance/ts/cornerstone3D__CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm',
    'conformance/ts/cornerstone3D__CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm',
    'conformance/ts/openjphjs__CT1_HTJ2K_lossless.dcm',
  ];
  test.each(files)('%s: cut off, or damaged anywhere: no crash, no hang', async path => {
    const file = readData(path);
    const limits = { ...RUNS, numRuns: 40 };
    // Whole, it is read.
    expect(await accepted(file)).not.toBeNull();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: file.length - 20 }), async length => {
        expect(await accepted(file.slice(0, length))).toBeNull();
      }),
      limits,
    );
    const changes = fc.array(fc.tuple(fc.integer({ min: 132, max: file.length - 1 }), byte), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(changes, async changed => {
        await accepted(changed.reduce((bytes, [at, value]) => patched(bytes, at, [value]), file));
      }),
      limits,
    );
  });
});
