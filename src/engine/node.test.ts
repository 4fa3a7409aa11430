/** @jest-environment ./test/node-environment.cjs */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { BOX_MANIFEST, BOX_MODEL, boxManifest, boxMean, MIX_MANIFEST, MIX_MODEL, mixOf } from './fixtures';
import { createNodeEngine } from './node';
import type { PrepareProgress } from './types';

const noisy = (pixels: number) => Float32Array.from({ length: pixels }, (_, i) => Math.sin(i * i) * 100);

describe('the engine in Node, real onnxruntime-node', () => {
  test('prepares, tells what it is, and computes what the model says', async () => {
    const engine = createNodeEngine({ manifestPath: BOX_MANIFEST, threads: 1 });
    const steps: PrepareProgress['step'][] = [];
    const info = await engine.prepare(progress => steps.push(progress.step));
    expect(steps).toEqual(['manifest', 'load', 'self-test']);
    expect(info).toMatchObject({
      provider: 'cpu',
      threads: 1,
      adapter: null,
      precision: 'fp32',
      rejected: [],
    });
    expect(info.runtime).toMatch(/^onnxruntime-node 1\.\d+\.\d+/);
    expect(info.selfTest.maxErrorHu).toBeLessThan(0.01);

    const [rows, columns] = [40, 48];
    const hu = noisy(rows * columns);
    const before = hu.slice();
    const output = await engine.denoise({ hu, rows, columns });
    expect(hu).toEqual(before);
    expect(output.provider).toBe('cpu');
    const expected = boxMean(hu, rows, columns);
    output.hu.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 3));
    await engine.dispose();
    await expect(engine.denoise({ hu, rows, columns })).rejects.toMatchObject({
      notice: { code: 'cancelled' },
    });
  });

  test('a size that is no multiple, many at once, in order', async () => {
    const engine = createNodeEngine({ manifestPath: BOX_MANIFEST, threads: 1 });
    const [rows, columns] = [33, 35];
    const inputs = [1, 2, 3].map(k => noisy(rows * columns).map(value => value * k));
    const outputs = await Promise.all(inputs.map(hu => engine.denoise({ hu, rows, columns })));
    outputs.forEach(({ hu }, k) => {
      const expected = boxMean(inputs[k]!, rows, columns);
      // Reflection beyond the right and lower edge replaces the zeros there; inside it is the plain mean.
      const inside = 15 * columns + 15;
      expect(hu[inside]).toBeCloseTo(expected[inside]!, 3);
      expect(hu.length).toBe(rows * columns);
    });
    await engine.dispose();
  });
});

describe('a slab model in Node', () => {
  const [rows, columns] = [33, 35];
  const slice = (n: number) => ({ hu: noisy(rows * columns).map(hu => hu * n), rows, columns });

  test.each<[string, boolean]>([
    ['in a thread', true],
    ['here', false],
  ])('n slices in, m out, of a size that is no multiple: %s', async (_name, threaded) => {
    const engine = createNodeEngine({
      manifestPath: MIX_MANIFEST,
      threads: 1,
      ...(threaded ? { createThread: () => new Thread(resolve('cli/engine-thread.mjs')) } : {}),
    });
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map(slice);
    for (const picked of [
      [0, 0, 1, 2, 3],
      [2, 3, 4, 5, 6],
      [5, 6, 7, 7, 7],
    ]) {
      const inputs = picked.map(i => all[i]!);
      const { slices, provider } = await engine.denoiseSlab(inputs);
      expect([slices.length, provider]).toEqual([3, 'cpu']);
      slices.forEach((hu, k) => {
        expect(hu.length).toBe(rows * columns);
        const [below, own, above] = inputs.slice(k, k + 3);
        for (const i of [0, 600, rows * columns - 1])
          expect(hu[i]).toBeCloseTo(mixOf(below!.hu[i]!, own!.hu[i]!, above!.hu[i]!), 3);
      });
    }
    const alone = await engine.denoise(all[3]!);
    expect(alone.hu[600]).toBeCloseTo(all[3]!.hu[600]!, 3);
    expect(alone.hu.buffer.byteLength).toBe(alone.hu.byteLength);
    await engine.dispose();
  });

  test('another number of slices, several sizes and a value that is no number are refused, and the next slab works', async () => {
    const engine = createNodeEngine({ manifestPath: MIX_MANIFEST, threads: 1 });
    const good = [1, 2, 3, 4, 5].map(slice);
    await expect(engine.denoiseSlab(good.slice(1))).rejects.toThrow(RangeError);
    const larger = { hu: new Float32Array(40 * 40), rows: 40, columns: 40 };
    await expect(engine.denoiseSlab([...good.slice(1), larger])).rejects.toThrow(RangeError);
    const bad = slice(1);
    bad.hu[7] = Number.NaN;
    await expect(engine.denoiseSlab([...good.slice(1), bad])).rejects.toMatchObject({
      notice: { code: 'bad-input' },
    });
    expect((await engine.denoiseSlab(good)).slices.length).toBe(3);
    await engine.dispose();
  });

  test('golden slices in another order fail the self-test', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iscl-model-'));
    cpSync(MIX_MODEL, folder, { recursive: true });
    const file = join(folder, 'mix.golden-input.bin');
    const bytes = readFileSync(file);
    const plane = bytes.length / 5;
    writeFileSync(file, Buffer.concat([4, 3, 2, 1, 0].map(i => bytes.subarray(i * plane, (i + 1) * plane))));
    const engine = createNodeEngine({ manifestPath: join(folder, 'manifest.json'), threads: 1 });
    await expect(engine.prepare()).rejects.toMatchObject({ notice: { code: 'self-test' } });
    rmSync(folder, { recursive: true });
  });
});

describe('a model that is not what it says', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iscl-model-'));
    cpSync(BOX_MODEL, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const prepared = () =>
    createNodeEngine({ manifestPath: join(folder, 'manifest.json'), threads: 1 }).prepare();

  test('another golden output fails the self-test, with the size of the error', async () => {
    const file = join(folder, 'box.golden-output.bin');
    const bytes = readFileSync(file);
    bytes.writeFloatLE(bytes.readFloatLE(400) + 2, 400);
    writeFileSync(file, bytes);
    const error = await prepared().catch(e => e);
    expect(error.notice).toMatchObject({ code: 'self-test', provider: 'cpu' });
    expect(error.notice.maxErrorHu).toBeCloseTo(2, 2);
  });
  test('one changed byte fails the hash', async () => {
    const file = join(folder, 'box.onnx');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    await expect(prepared()).rejects.toMatchObject({ notice: { code: 'model-hash' } });
  });
  test('a missing file names it', async () => {
    rmSync(join(folder, 'box.onnx'));
    await expect(prepared()).rejects.toMatchObject({
      notice: { code: 'model-download', url: expect.stringContaining('box.onnx') },
    });
  });
  test('a manifest that is wrong says where', async () => {
    const manifest = boxManifest();
    const broken = {
      ...manifest,
      models: [{ ...manifest.models[0], input: { name: 'hu', rangeHU: [1, 0], multiple: 8 } }],
    };
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(broken));
    await expect(prepared()).rejects.toMatchObject({
      notice: { code: 'model-manifest', detail: 'model "box": input.rangeHU is not a range' },
    });
    writeFileSync(join(folder, 'manifest.json'), '<html>');
    await expect(prepared()).rejects.toMatchObject({
      notice: { code: 'model-manifest', detail: 'not JSON' },
    });
  });
});
