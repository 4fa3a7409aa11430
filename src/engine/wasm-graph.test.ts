/** @jest-environment ./test/node-environment.cjs */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelCard, ModelManifest } from './types';

/* The graphs for WebAssembly of the shipped models compute what the plain ones do. On WebAssembly itself: test/browser/engine.test.ts. */

const MODELS = resolve('models');
const { models } = JSON.parse(readFileSync(join(MODELS, 'manifest.json'), 'utf8')) as ModelManifest;
const graphOf = ({ variants }: ModelCard) => variants?.find(({ provider }) => provider === 'wasm');

test('every shipped model has one, those of slabs too', () => {
  expect(models.filter(card => !graphOf(card)).map(({ id }) => id)).toEqual([]);
  expect(models.some(({ slab }) => slab)).toBe(true);
});

test.each(models.map(card => [card.id, card] as const))(
  '%s: the same results, at sizes that the tiles do not divide too',
  async (_, card) => {
    const { inputs = 1, outputs = 1 } = card.slab ?? {};
    const model = readFileSync(join(MODELS, card.file));
    const plain = await InferenceSession.create(model, { intraOpNumThreads: 1 });
    const graph = await InferenceSession.create(readFileSync(join(MODELS, graphOf(card)!.file)), {
      intraOpNumThreads: 1,
      externalData: [{ path: card.file, data: model }],
    });
    for (const [height, width] of [
      [64, 64],
      [40, 56],
      [17, 33],
    ] as const) {
      const data = Float32Array.from({ length: inputs * height * width }, (_value, i) =>
        Math.round(40 + 100 * Math.sin(i * i)),
      );
      const run = async (session: InferenceSession) => {
        const feeds = { [card.input.name]: new Tensor('float32', data, [1, inputs, height, width]) };
        return (await session.run(feeds))[card.output.name]!.data as Float32Array;
      };
      const [expected, found] = [await run(plain), await run(graph)];
      expect(found).toHaveLength(outputs * height * width);
      const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, value), 0);
      expect(largest(found.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(0.05);
      // Something was removed: two graphs that pass their input through would agree.
      const from = ((inputs - outputs) / 2) * height * width;
      expect(largest(expected.map((value, i) => Math.abs(value - data[from + i]!)))).toBeGreaterThan(10);
    }
    await Promise.all([plain.release(), graph.release()]);
  },
);
