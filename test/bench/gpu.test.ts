/** @jest-environment ./test/node-environment.cjs */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { halves, toHalf } from '../../bench/onnx/half';
import { matmulProbe, random } from '../../bench/onnx/probes';
import { readModel, writeModel } from '../../bench/onnx/schema';
import type { ModelManifest } from '../../src/engine';
import { absentHere } from '../absent';
import { start } from '../process';

/** The GPU bench on Chromium's SwiftShader: it shows that every step answers and that its numbers are right, and nothing about speed. */
const ICD = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LOADER = ['x86_64', 'aarch64'].map(cpu => `/usr/lib/${cpu}-linux-gnu/libvulkan.so.1`).find(existsSync);
const absent = absentHere(
  !existsSync(ICD) ? 'no SwiftShader driver of Chromium' : !LOADER ? 'libvulkan1 is not installed' : null,
);
if (absent) process.stdout.write(`skipped: npm run bench gpu on SwiftShader: ${absent}\n`);

const bench = async (driver: string, only: string) => {
  const out = await mkdtemp(join(tmpdir(), 'iscl-gpu-bench-'));
  try {
    const options = ['--dry', '--out', out, '--only', only];
    const argv = ['--import', 'tsx', resolve('bench/run.ts'), 'gpu', ...options];
    const env = { ...process.env, VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver };
    const { code, stdout, stderr } = await start(process.execPath, argv, { env });
    if (code !== 0) throw new Error(`${stdout}${stderr}`);
    const { results } = JSON.parse(await readFile(join(out, 'gpu.json'), 'utf8')) as {
      results: { found: Record<string, unknown> | null; error: string | null }[];
    };
    return { results, report: await readFile(join(out, 'gpu.md'), 'utf8'), stdout };
  } finally {
    await rm(out, { recursive: true });
  }
};

(absent ? it.skip : it)(
  'measures a product, memory and a model, says which precision the device lacks, and stores the table',
  async () => {
    const { results, report } = await bench(ICD, 'matmul fp32,matmul fp16,copy,model ct-fast webgpu fp32');
    const [fp32, fp16, copy, model] = results;
    expect(fp32!.found).toMatchObject({ kind: 'matmul', precision: 'fp32', tflops: expect.any(Number) });
    expect(fp16).toMatchObject({ found: null, error: expect.stringContaining('requires f16') });
    expect(copy!.found).toMatchObject({ kind: 'copy', gbPerSecond: expect.any(Number) });
    expect(model!.found).toMatchObject({ kind: 'model', provider: 'webgpu', slice: 64 });
    expect(model!.found!['worstHu']).toBeLessThan(0.01);
    expect(report).toMatch(/dry run, its times mean nothing/);
    expect(report).toMatch(/\| matrix product, fp32 \|/);
    expect(report).toMatch(/\| ct-fast [\d.]+ \| webgpu \| fp32 \|/);
    expect(report).toMatch(/not measured: matmul fp16: .*requires f16/);
  },
  240_000,
);

it('without a driver every step says why, and the files of Vulkan are listed', async () => {
  const { results, stdout } = await bench('/nonexistent.json', 'matmul fp32');
  expect(results).toEqual([
    expect.objectContaining({ found: null, error: expect.stringMatching(/adapter/i) }),
  ]);
  expect(stdout).toMatch(/named driver \/nonexistent.json: MISSING/);
}, 120_000);

it('rounds to float16 as IEEE 754 says: ties to even, small numbers without a hidden bit, too large ones to infinity', () => {
  const cases: [number, number][] = [
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [-Infinity, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [2047.5 * 2 ** -24 * 0.5, 0x0400],
  ];
  expect([...halves(Float32Array.from(cases, ([value]) => value))]).toEqual(cases.map(([, bits]) => bits));
  expect(halves(Float32Array.of(NaN))[0]! & 0x7fff).toBeGreaterThan(0x7c00);
});

describe('the shipped models', () => {
  it('can be read and written, and in float16 stay within half an HU', async () => {
    const { models } = JSON.parse(await readFile('models/manifest.json', 'utf8')) as ModelManifest;
    for (const { id, file, input, output, slab } of models) {
      const bytes = await readFile(join('models', file));
      const depth = slab?.inputs ?? 1;
      const hu = new ort.Tensor('float32', random(depth * 64 * 64, 400), [1, depth, 64, 64]);
      const run = async (graph: Uint8Array) => {
        const session = await ort.InferenceSession.create(graph, { executionProviders: ['cpu'] });
        return (await session.run({ [input.name]: hu }))[output.name]!.data as Float32Array;
      };
      const [full, half] = [await run(bytes), await run(writeModel(toHalf(readModel(bytes))))];
      const worst = full.reduce((most, value, i) => Math.max(most, Math.abs(value - half[i]!)), 0);
      expect({ id, worst: worst > 0.001 && worst < 0.5 }).toEqual({ id, worst: true });
    }
  });
});

it('the probe multiplies what it says', async () => {
  const [n, times] = [8, 3];
  const session = await ort.InferenceSession.create(matmulProbe(n, times, false));
  const { result } = await session.run({ seed: new ort.Tensor('float32', Float32Array.of(2), [1]) });
  const weights = random(n * n, Math.sqrt(3 / n));
  const product = (x: Float32Array) =>
    Float32Array.from(x, (_, i) => {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += x[i - (i % n) + k]! * weights[k * n + (i % n)]!;
      return sum;
    });
  let expected = weights.map(value => 2 * value);
  for (let i = 0; i < times; i++) expected = product(expected);
  expect((result!.data as Float32Array)[0]).toBeCloseTo(expected[0]!, 4);
});
