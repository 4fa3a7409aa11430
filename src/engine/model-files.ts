import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';
import { DenoiseError } from '../notices';
import { samplesOf } from './golden-full';
import { LARGEST_MANIFEST, readCard, slabSize } from './manifest';
import { wrongInGraph, type Beside } from './model-graph';
import type { ModelCard } from './types';

/** Everything of a model that is not in its card. */
export interface ModelFiles {
  readonly model: Uint8Array;
  /** The graph for the wasm provider, which needs `model` beside it; null when the card has none. */
  readonly wasmGraph: Uint8Array | null;
  readonly golden: GoldenFiles;
  readonly fromCache: boolean;
}

export interface GoldenFiles {
  readonly input: Float32Array;
  readonly output: Float32Array;
  /** Samples of a full-size output; null when the card names none. */
  readonly full: Float32Array | null;
}

const HASH_CHUNK = 1 << 20;

/**
 * SHA-256 in JavaScript: crypto.subtle does not exist on a plain-http intranet, where the wasm provider still works. In pieces, so that
 * the main thread is never held for long.
 */
export async function matchesHash(
  bytes: Uint8Array,
  file: Pick<ModelCard, 'bytes' | 'sha256'>,
): Promise<boolean> {
  if (bytes.length !== file.bytes) return false;
  const hash = sha256.create();
  for (let at = 0; at < bytes.length; at += HASH_CHUNK) {
    hash.update(bytes.subarray(at, at + HASH_CHUNK));
    await new Promise(resolve => setTimeout(resolve));
  }
  return bytesToHex(hash.digest()) === file.sha256;
}

/**
 * The golden data of a model.
 * @param read the bytes of a file beside the manifest, which has to have so many
 * @throws DenoiseError `model-manifest` when a size is wrong, and what `read` throws
 */
export async function readGolden(
  card: ModelCard,
  read: (file: string, bytes: number) => Promise<{ readonly bytes: Uint8Array; readonly where: string }>,
): Promise<GoldenFiles> {
  const { golden } = card;
  const { inputs, outputs } = slabSize(card);
  const values = async (what: string, file: string, slices: number, count: number) => {
    const length = slices * count;
    const { bytes, where } = await read(file, 4 * length);
    if (bytes.length !== 4 * length) {
      const detail = `golden ${what} of ${bytes.length} bytes for ${slices} x ${count} values`;
      throw new DenoiseError({ kind: 'fault', code: 'model-manifest', url: where, detail });
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
  };
  const pixels = golden.rows * golden.columns;
  const { full } = golden;
  const [input, output, samples] = await Promise.all([
    values('input', golden.input, inputs, pixels),
    values('output', golden.output, outputs, pixels),
    full ? values('samples', full.samples, outputs, samplesOf(full)) : null,
  ]);
  return { input, output, full: samples };
}

/** @throws DenoiseError `model-manifest` when the file asks for more than arithmetic, or reads what no hash covers */
export function assertGraph(model: Uint8Array, beside: Beside | null, where: string): void {
  const detail = wrongInGraph(model, beside);
  if (detail) throw new DenoiseError({ kind: 'fault', code: 'model-manifest', url: where, detail });
}

export async function fetchCard(
  manifestUrl: string,
  modelId: string | undefined,
  signal: AbortSignal,
): Promise<ModelCard> {
  return readCard(await download(manifestUrl, signal, 'no-cache', LARGEST_MANIFEST), modelId, manifestUrl);
}

/**
 * Model and golden data. The model comes from the Cache API when it is there under its hash, is hashed either way, and is downloaded
 * when a cached copy turns out damaged; when the download is of another version, it is asked for once more past the HTTP cache. Golden
 * data, which have no hash, and the small wasm graph are revalidated each time.
 * @throws DenoiseError `model-download`, `model-hash`, `model-manifest`
 */
export async function fetchFiles(
  manifestUrl: string,
  card: ModelCard,
  onBytes: (loadedBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<ModelFiles> {
  const url = (file: string) => new URL(file, manifestUrl).href;
  const modelUrl = url(card.file);
  const golden = await readGolden(card, async (file, bytes) => {
    const where = url(file);
    return { bytes: await download(where, signal, 'no-cache', bytes), where };
  });
  const variant = card.variants?.find(({ provider }) => provider === 'wasm');
  const wasmGraph = variant ? await download(url(variant.file), signal, 'no-cache', variant.bytes) : null;
  if (variant && wasmGraph && !(await matchesHash(wasmGraph, variant))) {
    throw new DenoiseError({ kind: 'fault', code: 'model-hash', url: url(variant.file) });
  }
  if (variant && wasmGraph) assertGraph(wasmGraph, { file: card.file, bytes: card.bytes }, url(variant.file));
  const cache = await openCache();
  const key = `${modelUrl}?sha256=${card.sha256}`;
  const cached = await cache?.match(key);
  if (cached) {
    const model = new Uint8Array(await cached.arrayBuffer());
    if (await matchesHash(model, card)) {
      assertGraph(model, null, modelUrl);
      return { model, wasmGraph, golden, fromCache: true };
    }
    await cache?.delete(key);
  }
  for (const mode of ['default', 'reload'] as const) {
    const model = await download(modelUrl, signal, mode, card.bytes, loaded => onBytes(loaded, card.bytes));
    if (!(await matchesHash(model, card))) continue;
    assertGraph(model, null, modelUrl);
    await remember(cache, key, modelUrl, model);
    return { model, wasmGraph, golden, fromCache: false };
  }
  throw new DenoiseError({ kind: 'fault', code: 'model-hash', url: modelUrl });
}

const CACHE = 'iscl-ct-denoise-models';

/** Null where there is no Cache API (plain http) or the browser denies it (private windows): the model is then fetched each time. */
async function openCache(): Promise<Cache | null> {
  if (!('caches' in globalThis)) return null;
  return caches.open(CACHE).catch(() => null);
}

/** A cache that is full costs a download next time, no more. Older versions of the same file go. */
async function remember(
  cache: Cache | null,
  key: string,
  modelUrl: string,
  model: Uint8Array,
): Promise<void> {
  try {
    for (const old of (await cache?.keys()) ?? []) {
      if (old.url.startsWith(`${modelUrl}?`)) await cache?.delete(old);
    }
    await cache?.put(key, new Response(model as Uint8Array<ArrayBuffer>));
  } catch {
    await cache?.delete(key).catch(() => false);
  }
}

async function download(
  url: string,
  signal: AbortSignal,
  cache: RequestCache,
  /** A longer answer is another file: no more of it is read. */
  most: number,
  onBytes?: (loaded: number) => void,
): Promise<Uint8Array> {
  const failed = (cause: unknown, status?: number) => {
    if (signal.aborted) return signal.reason as unknown;
    const detail = cause instanceof Error ? cause.message : undefined;
    return new DenoiseError(
      {
        kind: 'fault',
        code: 'model-download',
        url,
        ...(status === undefined ? {} : { status }),
        ...(detail ? { detail } : {}),
      },
      { cause },
    );
  };
  let response: Response;
  try {
    response = await fetch(url, { signal, cache });
  } catch (cause) {
    throw failed(cause);
  }
  if (!response.ok) throw failed(null, response.status);
  try {
    if (!response.body) return new Uint8Array(await response.arrayBuffer());
    const chunks: Uint8Array[] = [];
    let loaded = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      loaded += part.value.length;
      if (loaded > most) {
        await reader.cancel();
        break;
      }
      onBytes?.(loaded);
    }
    const all = new Uint8Array(loaded);
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  } catch (cause) {
    throw failed(cause);
  }
}
