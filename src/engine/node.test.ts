/** @jest-environment ./test/node-environment.cjs */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BOX_MANIFEST, BOX_MODEL, boxManifest, boxMean } from './fixtures';
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
