import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { boxCard, boxFile } from './fixtures';
import { parseManifest } from './manifest';
import { fetchCard, fetchFiles } from './model-files';

/** A real HTTP server over the box model; `faults` changes what it answers. */
let server: Server;
let base: string;
const faults = new Map<string, 'missing' | 'html' | 'cut' | 'stale once'>();
const served: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const name = request.url!.slice(1);
    const fault = faults.get(name);
    served.push(name);
    if (fault === 'missing') return void response.writeHead(503).end();
    if (fault === 'html') return void response.end('<html>sign in</html>');
    const bytes = boxFile(name);
    if (fault === 'stale once') {
      faults.delete(name);
      return void response.end(bytes.map(byte => byte ^ 1));
    }
    if (fault === 'cut') {
      response.writeHead(200, { 'Content-Length': bytes.length }).write(bytes.subarray(0, 100));
      return void setTimeout(() => response.destroy(), 50);
    }
    response.end(bytes);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => server.close());

/** As much of the Cache API as is used; browsers have the real one (test/browser/engine.test.ts). */
const stored = new Map<string, Response>();
const cache = {
  match: async (key: string) => stored.get(key)?.clone(),
  put: async (key: string, response: Response) => void stored.set(key, response),
  delete: async (key: string | { url: string }) => stored.delete(typeof key === 'string' ? key : key.url),
  keys: async () => [...stored.keys()].map(url => ({ url })),
};
beforeEach(() => {
  faults.clear();
  stored.clear();
  served.length = 0;
});
afterEach(() => Reflect.deleteProperty(globalThis, 'caches'));
const withCache = () => Object.assign(globalThis, { caches: { open: async () => cache } });

const { signal } = new AbortController();
const card = boxCard();
const files = (onBytes: (loaded: number, total: number) => void = () => undefined, of = card) =>
  fetchFiles(`${base}manifest.json`, of, onBytes, signal);

test('fetches card, model and golden data, with progress in bytes', async () => {
  expect(await fetchCard(`${base}manifest.json`, undefined, signal)).toEqual(card);
  const progress: [number, number][] = [];
  const { model, golden, fromCache } = await files((loaded, total) => progress.push([loaded, total]));
  expect([model.length, golden.input.length, fromCache]).toEqual([card.bytes, 32 * 32, false]);
  expect(progress.at(-1)).toEqual([card.bytes, card.bytes]);
});

test.each<[string, unknown, string | null]>([
  ['5 -> 3', {}, null],
  ['3 -> 3', { inputs: 3 }, null],
  ['7 -> 1', { inputs: 7, outputs: 1 }, null],
  ['an even number in', { inputs: 4 }, '4 slices in and 3 out'],
  ['an even number out', { outputs: 2 }, '5 slices in and 2 out'],
  ['more out than in', { outputs: 7 }, '5 slices in and 7 out'],
  ['no number', { inputs: '5' }, '5 slices in'],
  ['no spacing', { spacingMm: undefined }, 'spacingMm'],
  ['a spacing of nothing', { spacingMm: [0, 5] }, 'spacingMm'],
  ['a spacing the wrong way round', { spacingMm: [5, 1] }, 'spacingMm'],
  ['an unknown rule', { beyondSpacing: 'ignore' }, 'beyondSpacing'],
])('the manifest of a slab model: %s', (_name, changes, wrong) => {
  const slab = { inputs: 5, outputs: 3, spacingMm: [0.4, 5.5], beyondSpacing: 'repeat' };
  const json = {
    schema: 1,
    default: 'box',
    models: [{ ...card, slab: { ...slab, ...(changes as object) } }],
  };
  if (wrong === null)
    expect(parseManifest(json, '').models[0]!.slab).toMatchObject({ ...slab, ...(changes as object) });
  else
    expect(() => parseManifest(json, 'm.json')).toThrow(
      expect.objectContaining({
        notice: expect.objectContaining({ detail: expect.stringContaining(wrong) }),
      }),
    );
});

test('keeps the model under its hash; older versions of the file go', async () => {
  withCache();
  stored.set(`${base}box.onnx?sha256=old`, new Response('old'));
  expect((await files()).fromCache).toBe(false);
  expect([...stored.keys()]).toEqual([`${base}box.onnx?sha256=${card.sha256}`]);
  served.length = 0;
  expect((await files()).fromCache).toBe(true);
  expect(served).not.toContain('box.onnx');
});

test('a damaged cached copy is fetched anew', async () => {
  withCache();
  stored.set(`${base}box.onnx?sha256=${card.sha256}`, new Response('damaged'));
  expect((await files()).fromCache).toBe(false);
  expect((await files()).fromCache).toBe(true);
});

test('another version in the HTTP cache is asked for once more', async () => {
  faults.set('box.onnx', 'stale once');
  expect((await files()).model.length).toBe(card.bytes);
  expect(served.filter(name => name === 'box.onnx')).toHaveLength(2);
});

test('a cache that is denied or full only costs the download', async () => {
  Object.assign(globalThis, { caches: { open: () => Promise.reject(new Error('denied')) } });
  expect((await files()).fromCache).toBe(false);
  const full = { ...cache, put: () => Promise.reject(new Error('quota')) };
  Object.assign(globalThis, { caches: { open: async () => full } });
  expect((await files()).fromCache).toBe(false);
});

test('what goes wrong is named', async () => {
  faults.set('box.onnx', 'missing');
  await expect(files()).rejects.toMatchObject({
    notice: { code: 'model-download', status: 503, url: `${base}box.onnx` },
  });
  faults.set('box.onnx', 'html');
  await expect(files()).rejects.toMatchObject({ notice: { code: 'model-hash' } });
  faults.set('box.onnx', 'cut');
  await expect(files()).rejects.toMatchObject({ notice: { code: 'model-download' } });
  faults.clear();
  faults.set('box.golden-input.bin', 'html');
  await expect(files()).rejects.toMatchObject({ notice: { code: 'model-manifest' } });
  faults.set('manifest.json', 'html');
  await expect(fetchCard(`${base}manifest.json`, undefined, signal)).rejects.toMatchObject({
    notice: { code: 'model-manifest', detail: 'not JSON' },
  });
  faults.clear();
  await expect(fetchCard(`${base}manifest.json`, 'other', signal)).rejects.toMatchObject({
    notice: { code: 'model-manifest', detail: 'no model "other"' },
  });
  await expect(fetchCard('http://127.0.0.1:1/manifest.json', undefined, signal)).rejects.toMatchObject({
    notice: { code: 'model-download' },
  });
});

test('the graph for wasm comes along and is hashed; variants for others stay where they are', async () => {
  const [variant] = card.variants!;
  expect((await files()).wasmGraph).toEqual(boxFile(variant!.file));
  const other = { ...variant!, provider: 'other', file: 'not-there.onnx' };
  expect((await files(undefined, { ...card, variants: [other] })).wasmGraph).toBeNull();
  const wrong = { ...variant!, sha256: '0'.repeat(64) };
  await expect(files(undefined, { ...card, variants: [wrong] })).rejects.toMatchObject({
    notice: { code: 'model-hash' },
  });
});

test('an abort gives its own reason, not a download fault', async () => {
  const controller = new AbortController();
  controller.abort(new Error('left the mode'));
  await expect(fetchCard(`${base}manifest.json`, undefined, controller.signal)).rejects.toThrow(
    'left the mode',
  );
});
