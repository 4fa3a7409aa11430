import type { Decode } from './types';

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
  return decodeWith(() => new HTJ2KDecoder());
}

/** FFD9 ends every JPEG, JPEG-LS and JPEG 2000 stream. libjpeg and OpenJPEG fill what is missing with grey and say nothing. */
function endsWithEndMarker(encoded: Uint8Array): boolean {
  let end = encoded.length;
  while (end > 2 && encoded[end - 1] === 0) end--;
  return encoded[end - 2] === 0xff && encoded[end - 1] === 0xd9;
}

/** A decoder object for each frame: after a damaged code stream its state is unknown. */
function decodeWith(create: () => WasmDecoder): Decode {
  return encoded => {
    if (!endsWithEndMarker(encoded)) throw new RangeError('the code stream is cut off');
    const decoder = create();
    try {
      decoder.getEncodedBuffer(encoded.length).set(encoded);
      decoder.decode();
      const {
        width: columns,
        height: rows,
        bitsPerSample: bits = 8,
        componentCount,
      } = decoder.getFrameInfo();
      if (componentCount !== 1) throw new RangeError(`${componentCount} components`);
      // A copy: the module's memory moves when it grows.
      const bytes = decoder.getDecodedBuffer().slice();
      return { rows, columns, bits, words: bits <= 8 ? bytes : new Uint16Array(bytes.buffer) };
    } finally {
      decoder.delete();
    }
  };
}
