import { sliceFromStored } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { hasData, readData } from './corpus';
import { part10, text, tinyCt } from './part10';

/*
 * High-Throughput JPEG 2000. The corpus has lossless files (.201) alone, so code streams are made here by the encoder of OpenJPH, in each form that
 * a transfer syntax names: .201 lossless, .202 lossless in the progression RPCL, .203 lossy.
 */
const [LOSSLESS, RPCL, LOSSY] = ['201', '202', '203'].map(last => `1.2.840.10008.1.2.4.${last}`) as [
  string,
  string,
  string,
];
/** ISO 15444-1 A.6.1, as the encoder counts them and as the COD segment holds them. */
const PROGRESSIONS = { LRCP: 0, RLCP: 1, RPCL: 2, PCRL: 3, CPRL: 4 } as const;
/** Transcoded HTJ2K data sets need a TLM segment and RPCL for .202 (PS3.5 A.4.11). */
const TLM = 0x55;

interface Info {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly isSigned: boolean;
  readonly componentCount: number;
  readonly isUsingColorTransform: boolean;
}
interface Encoder {
  getDecodedBuffer(info: Info): Uint8Array;
  setQuality(lossless: boolean, quantizationStep: number): void;
  setProgressionOrder(order: number): void;
  setTLMMarker(on: boolean): void;
  encode(): void;
  getEncodedBuffer(): Uint8Array;
  delete(): void;
}
interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  delete(): void;
}
interface OpenJph {
  readonly HTJ2KEncoder: new () => Encoder;
  readonly HTJ2KDecoder: new () => Decoder;
}

let openJph: OpenJph;
beforeAll(async () => {
  const module = (await import('@cornerstonejs/codec-openjph/wasmjs')) as {
    default: (options: object) => Promise<OpenJph>;
  };
  openJph = await module.default({});
});

interface Sample {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly bitsStored: number;
  readonly stored: Int16Array | Uint16Array;
}

/** Anatomy's smoothness with noise on it, using the whole range. */
function synthetic(rows: number, columns: number, bitsStored: number, signed: boolean): Sample {
  const [low, span] = [signed ? -(2 ** (bitsStored - 1)) : 0, 2 ** bitsStored];
  const value = (i: number) =>
    low + Math.floor((span - 1) * (0.5 + 0.4 * Math.sin(i / columns / 5) + 0.1 * Math.sin(i * i)));
  const ArrayType = signed ? Int16Array : Uint16Array;
  const stored = new ArrayType(rows * columns);
  for (let i = 0; i < stored.length; i++) stored[i] = value(i);
  stored[0] = low;
  stored[1] = low + span - 1;
  return {
    name: `${rows}x${columns}, ${bitsStored} bits, ${signed ? 'signed' : 'unsigned'}`,
    rows,
    columns,
    bitsStored,
    stored,
  };
}

const samples: Sample[] = [
  synthetic(64, 64, 12, false),
  synthetic(41, 67, 16, false),
  synthetic(128, 96, 12, true),
  synthetic(97, 128, 16, true),
];

function encode({ rows, columns, bitsStored, stored }: Sample, lossless: boolean, order: number): Uint8Array {
  const encoder = new openJph.HTJ2KEncoder();
  try {
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    const isSigned = stored instanceof Int16Array;
    const format = { bitsPerSample: bitsStored, isSigned, componentCount: 1, isUsingColorTransform: false };
    encoder.getDecodedBuffer({ width: columns, height: rows, ...format }).set(bytes);
    encoder.setQuality(lossless, 0.002);
    encoder.setProgressionOrder(order);
    encoder.setTLMMarker(true);
    encoder.encode();
    return encoder.getEncodedBuffer().slice();
  } finally {
    encoder.delete();
  }
}

/** What the codec gives by itself, without our reader around it; it leaves clipping to the precision to its caller. */
function byTheCodec({ stored, bitsStored }: Sample, codeStream: Uint8Array): number[] {
  const decoder = new openJph.HTJ2KDecoder();
  try {
    decoder.getEncodedBuffer(codeStream.length).set(codeStream);
    decoder.decode();
    const { buffer } = decoder.getDecodedBuffer().slice();
    const signed = stored instanceof Int16Array;
    const words = signed ? new Int16Array(buffer) : new Uint16Array(buffer);
    const low = signed ? -(2 ** (bitsStored - 1)) : 0;
    return Array.from(words, value => Math.min(low + 2 ** bitsStored - 1, Math.max(low, value)));
  } finally {
    decoder.delete();
  }
}

function file(
  { rows, columns, bitsStored, stored }: Sample,
  codeStream: Uint8Array,
  syntax: string,
): Uint8Array {
  const even = Buffer.concat([codeStream, Buffer.alloc(codeStream.length % 2)]);
  const pixels = { vr: 'OB' as const, offsetTable: new Uint8Array(0), fragments: [new Uint8Array(even)] };
  const signed = stored instanceof Int16Array;
  const changes = {
    0x7fe00010: pixels,
    ...(syntax === LOSSY && { 0x00282110: text('CS', '01') }),
  };
  const format = signed ? { signed, intercept: '0' } : { signed };
  return part10(tinyCt({ rows, columns, bitsStored, stored, ...format, changes }), syntax);
}

async function read(bytes: Uint8Array) {
  const parsed = parsePart10(bytes);
  const { stored } = await decodeFrame(parsed);
  return { stored, hu: sliceFromStored(stored, naturalize(parsed)).hu };
}

/** The byte of the COD segment that names the progression, and whether there is a TLM segment. */
function form(codeStream: Uint8Array) {
  const bytes = Buffer.from(codeStream);
  return {
    progression: bytes[bytes.indexOf(Buffer.from([0xff, 0x52])) + 5],
    tlm: bytes.indexOf(Buffer.from([0xff, TLM])) > 0,
  };
}

if (!hasData) process.stdout.write('skipped: HTJ2K of real slices: ../shared/data is absent\n');
const real = [
  'conformance/ts/cornerstone3D__CTImage.dcm',
  'conformance/ts/openjphjs__CT2_HTJ2K_lossless.dcm',
];

async function realSample(path: string): Promise<Sample> {
  const { stored, rows, columns, bitsStored } = await decodeFrame(parsePart10(readData(path)));
  return { name: path, rows, columns, bitsStored, stored: stored as Int16Array | Uint16Array };
}

const all: [string, () => Promise<Sample>][] = [
  ...samples.map(sample => [sample.name, async () => sample] as [string, () => Promise<Sample>]),
  ...(hasData ? real : []).map(path => [path, () => realSample(path)] as [string, () => Promise<Sample>]),
];

describe.each(all)('%s', (_, make) => {
  it.each([
    [LOSSLESS, 'LRCP'],
    [LOSSLESS, 'PCRL'],
    [RPCL, 'RPCL'],
  ] as const)('%s in %s: the exact stored values and HU', async (syntax, order) => {
    const sample = await make();
    const codeStream = encode(sample, true, PROGRESSIONS[order]);
    expect(form(codeStream)).toEqual({ progression: PROGRESSIONS[order], tlm: true });
    const decoded = await read(file(sample, codeStream, syntax));
    expect(
      Buffer.compare(Buffer.from(decoded.stored.buffer), Buffer.from(sample.stored.slice().buffer)),
    ).toBe(0);
    const intercept = sample.stored instanceof Int16Array ? 0 : -1024;
    expect(decoded.hu.every((hu, i) => hu === sample.stored[i]! + intercept)).toBe(true);
  });

  it(`${LOSSY}: what the codec gives, near the original and not equal to it`, async () => {
    const sample = await make();
    const codeStream = encode(sample, false, PROGRESSIONS.RPCL);
    const { stored } = await read(file(sample, codeStream, LOSSY));
    expect(Array.from(stored)).toEqual(byTheCodec(sample, codeStream));
    let [sum, different] = [0, 0];
    stored.forEach((value, i) => {
      const error = Math.abs(value - sample.stored[i]!);
      sum += error;
      if (error > 0) different++;
    });
    expect(different).toBeGreaterThan(0);
    // The quantization step is 0.2 % of the range.
    expect(sum / stored.length).toBeLessThan(0.004 * 2 ** sample.bitsStored);
  });
});

it.each([false, true])(
  'lossy values past the brightest are clipped, not wrapped to black (signed: %s)',
  async signed => {
    const sample = synthetic(128, 96, 12, signed);
    const [low, high] = signed ? [-2048, 2047] : [0, 4095];
    sample.stored.forEach((_, i) => (sample.stored[i] = i % 3 ? high : low));
    const { stored } = await read(file(sample, encode(sample, false, PROGRESSIONS.RPCL), LOSSY));
    let worst = 0;
    stored.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - sample.stored[i]!))));
    expect(worst).toBeLessThan(64);
  },
);

it('a code stream cut off is refused, not filled', async () => {
  const sample = samples[0]!;
  const codeStream = encode(sample, true, PROGRESSIONS.RPCL);
  const cut = file(sample, codeStream.subarray(0, codeStream.length >> 1), RPCL);
  await expect(read(cut)).rejects.toMatchObject({ notice: { code: 'unreadable-dicom' } });
});
