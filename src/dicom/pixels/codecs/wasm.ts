import { wholeStream } from './end-marker';
import type { Decode, Decoded } from './types';

/** The decoder class of every @cornerstonejs/codec-* package, as Emscripten exports it. */
interface WasmDecoder {
  /** Room for the code stream inside the module's memory. */
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): WasmFrameInfo;
  delete(): void;
}

interface WasmFrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample?: number;
  readonly isSigned?: boolean;
  readonly componentCount: number;
}

type Factory<M> = (options?: object) => Promise<M>;
interface FactoryModule<M> {
  readonly default: Factory<M> | { readonly default: Factory<M> };
}

/** CommonJS packages: the factory is the default export, twice wrapped by some loaders. */
async function instantiate<M>(module: FactoryModule<M>): Promise<M> {
  const factory = typeof module.default === 'function' ? module.default : module.default.default;
  // Emscripten prints its own errors to the console as well as throwing them.
  return factory({ print: () => undefined, printErr: () => undefined });
}

export async function jpegBaseline(): Promise<Decode> {
  const { JPEGDecoder } = await instantiate<{ JPEGDecoder: new () => WasmDecoder }>(
    await import(/* webpackIgnore: true */ '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'),
  );
  return decodeWith(() => new JPEGDecoder());
}

export async function jpegLs(): Promise<Decode> {
  const { JpegLSDecoder } = await instantiate<{ JpegLSDecoder: new () => WasmDecoder }>(
    await import(/* webpackIgnore: true */ '@cornerstonejs/codec-charls/decodewasmjs'),
  );
  return decodeWith(() => new JpegLSDecoder());
}

export async function jpeg2000(): Promise<Decode> {
  const { J2KDecoder } = await instantiate<{ J2KDecoder: new () => WasmDecoder }>(
    await import(/* webpackIgnore: true */ '@cornerstonejs/codec-openjpeg/decodewasmjs'),
  );
  return decodeWith(() => new J2KDecoder());
}

export async function htj2k(): Promise<Decode> {
  const { HTJ2KDecoder } = await instantiate<{ HTJ2KDecoder: new () => WasmDecoder }>(
    await import(/* webpackIgnore: true */ '@cornerstonejs/codec-openjph/wasmjs'),
  );
  return decodeWith(() => new HTJ2KDecoder(), clipped);
}

/**
 * OpenJPH leaves clipping to its caller (https://github.com/aous72/OpenJPH/issues/35): of a lossy 12-bit stream it gives 4096 beside 4095, and cut to
 * 12 bits that would be 0, black in the brightest place.
 */
function clipped(words: Uint8Array | Uint16Array, bits: number, signed: boolean): Decoded['words'] {
  if (bits <= 8) return words;
  const read = signed ? new Int16Array(words.buffer) : words;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = low + 2 ** bits - 1;
  for (let i = 0; i < read.length; i++) {
    if (read[i]! > high) read[i] = high;
    else if (read[i]! < low) read[i] = low;
  }
  return read;
}

/** A decoder object for each frame: after a damaged code stream its state is unknown. */
function decodeWith(
  create: () => WasmDecoder,
  finish: (words: Uint8Array | Uint16Array, bits: number, signed: boolean) => Decoded['words'] = words =>
    words,
): Decode {
  return padded => {
    const encoded = wholeStream(padded);
    const decoder = create();
    try {
      decoder.getEncodedBuffer(encoded.length).set(encoded);
      decoder.decode();
      const {
        width: columns,
        height: rows,
        bitsPerSample: bits = 8,
        isSigned = false,
        componentCount,
      } = decoder.getFrameInfo();
      if (componentCount !== 1) throw new RangeError(`${componentCount} components`);
      // A copy: the module's memory moves when it grows.
      const bytes = decoder.getDecodedBuffer().slice();
      const words = bits <= 8 ? bytes : new Uint16Array(bytes.buffer);
      return { rows, columns, bits, words: finish(words, bits, isSigned) };
    } finally {
      decoder.delete();
    }
  };
}
