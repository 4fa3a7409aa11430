import type { TransferSyntax } from '../../part10/transfer-syntax';
import type { Decode } from './types';

export { announcedBy } from './announced';
export type { Decode, Decoded } from './types';

type Codec = Exclude<TransferSyntax['codec'], 'other' | null>;

/*
 * Loaded when first needed: in the viewer none ever is, since the viewer decodes. The WebAssembly builds find their .wasm file beside
 * themselves, which works in Node; a bundler would move them, so it is told to leave these imports alone.
 */
const LOADERS: Readonly<Record<Codec, () => Promise<Decode>>> = {
  rle: async () => (await import('./rle')).decodeRle,
  'jpeg-lossless': async () => (await import('./jpeg-lossless')).decodeJpegLossless,
  'jpeg-baseline': async () => (await import('./wasm')).jpegBaseline(),
  'jpeg-extended': async () => (await import('./jpeg-extended')).jpegExtended(),
  'jpeg-ls': async () => (await import('./wasm')).jpegLs(),
  'jpeg-2000': async () => (await import('./wasm')).jpeg2000(),
  htj2k: async () => (await import('./wasm')).htj2k(),
};

const loaded = new Map<Codec, Promise<Decode>>();

/** The decoder of a kind of code stream; rejects where it cannot be loaded. */
export function codecOf(codec: Codec): Promise<Decode> {
  let decode = loaded.get(codec);
  if (!decode) loaded.set(codec, (decode = LOADERS[codec]()));
  return decode;
}
