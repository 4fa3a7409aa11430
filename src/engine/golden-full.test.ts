/** @jest-environment ./test/node-environment.cjs */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
import { boxCard, boxFile, boxMean } from './fixtures';
import { fullGoldenInput, fullSamplePlaces, SAMPLE_BLOCK } from './golden-full';
import { parseManifest } from './manifest';
import { readGolden } from './model-files';
import { openSession, type OpenRequest, type OrtRuntime } from './session';
import type { ModelCard } from './types';

const hash = (values: Float32Array | Int32Array) =>
  createHash('sha256').update(Buffer.from(values.buffer)).digest('hex');

test('the input and the places are those of the trainer (training/tests/test_golden_full.py has the same hashes)', () => {
  const size = { rows: 100, columns: 68 };
  expect(hash(fullGoldenInput(size, 3, 20210907))).toBe(
    'e225239ecfe7e9f9d25673295441518fc4e2817cedae39f5819200b901eb53cc',
  );
  expect(hash(fullSamplePlaces(size, 3))).toBe(
    'c409dd10286d542b0ad512f8c6f962387f1d98b8cdd07b99fb0917646120f8b5',
  );
});

test('each block of 8x8 pixels has one sample, and together they lie in every row and column of a block', () => {
  const [rows, columns] = [128, 128];
  const places = [...fullSamplePlaces({ rows, columns }, 1)].map(at => [
    Math.floor(at / columns),
    at % columns,
  ]);
  const blocks = places.map(([row, column]) => `${row! >> 3} ${column! >> 3}`);
  expect(new Set(blocks).size).toBe((rows / SAMPLE_BLOCK) * (columns / SAMPLE_BLOCK));
  expect(new Set(places.map(([row, column]) => `${row! & 7} ${column! & 7}`)).size).toBe(64);
});

describe('a runtime that is right at 64x64', () => {
  const size = { rows: 512, columns: 512, seed: 7 };
  const card = { ...boxCard(), golden: { ...boxCard().golden, full: { ...size, samples: 'box.full.bin' } } };
  const mean = boxMean(fullGoldenInput(size, 1, size.seed), size.rows, size.columns);
  const samples = Float32Array.from(fullSamplePlaces(size, 1), at => mean[at]!);

  /** onnxruntime-node, whose results of 512 columns `spoil` changes. */
  const runtime = (spoil: (hu: Float32Array) => void): OrtRuntime =>
    ({
      Tensor: ort.Tensor,
      InferenceSession: {
        create: async (model: Uint8Array, options: ort.InferenceSession.SessionOptions) => {
          const session = await ort.InferenceSession.create(model, options);
          return {
            run: async (feeds: ort.InferenceSession.FeedsType) => {
              const outputs = await session.run(feeds);
              const output = outputs[card.output.name]!;
              if (output.dims[3] === 512) spoil(output.data as Float32Array);
              return outputs;
            },
            release: () => session.release(),
          };
        },
      },
    }) as unknown as OrtRuntime;

  const opened = async (spoil: (hu: Float32Array) => void, of: ModelCard = card) => {
    const golden = await readGolden(of, async name => ({
      bytes: name === 'box.full.bin' ? new Uint8Array(samples.buffer) : boxFile(name),
      where: name,
    }));
    const request: OpenRequest = {
      provider: 'cpu',
      reference: 'cpu',
      card: of,
      model: boxFile(of.file),
      wasmGraph: null,
      golden,
      threads: 1,
      warmUp: null,
    };
    return openSession(runtime(spoil), request, () => undefined);
  };
  const tile =
    (top: number, left: number, side: number, change: (hu: number) => number) => (hu: Float32Array) => {
      for (let y = top; y < top + side; y++)
        for (let x = left; x < left + side; x++) hu[y * 512 + x] = change(hu[y * 512 + x]!);
    };

  test('and at 512x512 too passes', async () => {
    const { selfTest } = await opened(() => undefined);
    expect(selfTest.fullSizeErrorHu).toBeLessThan(0.01);
  });
  test.each<[string, (hu: Float32Array) => void]>([
    ['all of it is 2 HU off', hu => hu.forEach((value, i) => (hu[i] = value + 2))],
    ['one tile is 2 HU off', tile(192, 320, 64, hu => hu + 2)],
    ['one small tile at the corner is 2 HU off', tile(504, 504, 8, hu => hu + 2)],
    ['one row is zero', hu => hu.fill(0, 17 * 512, 18 * 512)],
    ['one column is zero', hu => hu.forEach((_, i) => i % 512 === 509 && (hu[i] = 0))],
    ['one tile holds no numbers', tile(64, 64, 32, () => Number.NaN)],
    ['it is moved by one pixel', hu => hu.copyWithin(1, 0, hu.length - 1)],
  ])('and at 512x512 is wrong fails: %s', async (_name, spoil) => {
    await expect(opened(spoil)).rejects.toMatchObject({
      notice: { code: 'self-test', provider: 'cpu', rows: 512, columns: 512 },
    });
  });
  test('a model without the pair says that nothing was compared', async () => {
    const { selfTest } = await opened(() => undefined, boxCard());
    expect(selfTest.fullSizeErrorHu).toBeNull();
  });
  test.each<[string, object, string]>([
    ['too large', { rows: 4096 }, ' has no size up to 2048 x 2048'],
    ['no multiple', { rows: 500 }, ' is not of a size that input.multiple allows'],
    ['no seed', { seed: 0.5 }, '.seed is not a count of 32 bits'],
    ['a path', { samples: '../x.bin' }, '.samples is not the name of a file beside the manifest'],
  ])('a card whose pair is wrong is refused: %s', (_name, changes, message) => {
    const full = { ...card.golden.full, ...changes };
    const manifest = { schema: 1, default: card.id, models: [{ ...card, golden: { ...card.golden, full } }] };
    expect(() => parseManifest(manifest, 'manifest.json')).toThrow(
      expect.objectContaining({
        notice: expect.objectContaining({ detail: `model "box": golden.full${message}` }),
      }),
    );
  });
});

test('the models of this repository all have the pair', () => {
  const manifest = parseManifest(
    JSON.parse(readFileSync('models/manifest.json', 'utf8')),
    'models/manifest.json',
  );
  for (const { golden } of manifest.models) expect(golden.full).toMatchObject({ rows: 512, columns: 512 });
});
