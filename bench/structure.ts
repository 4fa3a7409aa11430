import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sliceFromStored, type SliceHu } from '../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../src/dicom';
import { createNodeEngine } from '../src/engine/node';
import { structureInResidual } from '../src/residual';

/*
 * Where the threshold of `structureInResidual` comes from: npx tsx bench/structure.ts
 * Scores of real slices (../shared/data) denoised by the default model, by blurs, and of noise that is known to be nothing but noise.
 */

const DATA = resolve('../shared/data/ct');
const SLICES_PER_SERIES = 3;

async function* slices(): AsyncGenerator<{ series: string; slice: SliceHu }> {
  for (const series of (await readdir(DATA)).sort()) {
    const files = (await readdir(join(DATA, series))).filter(name => name.endsWith('.dcm')).sort();
    for (let i = 1; i <= SLICES_PER_SERIES; i++) {
      const file = files[Math.floor((files.length * i) / (SLICES_PER_SERIES + 1))]!;
      const parsed = parsePart10(await readFile(join(DATA, series, file)));
      const { stored } = await decodeFrame(parsed);
      yield { series, slice: sliceFromStored(stored, naturalize(parsed)) };
    }
  }
}

/** Gaussian blur of the given SD in pixels, edges repeated. */
function blur({ hu, rows, columns }: SliceHu, sd: number): Float32Array {
  const radius = Math.ceil(3 * sd);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sd * sd)),
  );
  const total = weights.reduce((a, b) => a + b);
  const clamp = (i: number, size: number) => Math.min(size - 1, Math.max(0, i));
  const pass = (from: Float32Array, at: (y: number, x: number, by: number) => number) =>
    from.map((_, i) => {
      const [y, x] = [Math.floor(i / columns), i % columns];
      return weights.reduce((sum, weight, k) => sum + weight * from[at(y, x, k - radius)]!, 0) / total;
    });
  const across = pass(hu, (y, x, by) => y * columns + clamp(x + by, columns));
  return pass(across, (y, x, by) => clamp(y + by, rows) * columns + x);
}

/** White noise after a blur of the given SD in pixels, as a reconstruction kernel shapes it; brought to an SD of 20 HU. */
function noise(like: SliceHu, blurSd: number): Float32Array {
  let state = 1;
  const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const white = like.hu.map(() => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
  const shaped = blur({ ...like, hu: white }, blurSd);
  const rms = Math.sqrt(shaped.reduce((sum, value) => sum + value * value, 0) / shaped.length);
  return shaped.map(value => (value * 20) / rms);
}

const engine = createNodeEngine({ manifestPath: resolve('models/manifest.json') });
const { model } = await engine.prepare();
const kinds: Record<string, (slice: SliceHu) => Promise<[SliceHu, Float32Array]>> = {
  [`model ${model.id} ${model.version}`]: async slice => [slice, (await engine.denoise(slice)).hu],
  'only noise removed, soft texture': async slice => noiseOnly(slice, 0.7),
  'only noise removed, sharp texture': async slice => noiseOnly(slice, 0.3),
  'blur, SD 0.5 pixel': async slice => [slice, blur(slice, 0.5)],
  'blur, SD 0.7 pixel': async slice => [slice, blur(slice, 0.7)],
  'blur, SD 1 pixel': async slice => [slice, blur(slice, 1)],
  'blur, SD 1.5 pixels': async slice => [slice, blur(slice, 1.5)],
};

/** The slice is taken for the truth; what the denoiser had was the slice with noise, and it removed exactly that. */
function noiseOnly(slice: SliceHu, blurSd: number): [SliceHu, Float32Array] {
  const added = noise(slice, blurSd);
  return [{ ...slice, hu: slice.hu.map((hu, i) => hu + added[i]!) }, slice.hu];
}

const scores = new Map<string, number[]>(Object.keys(kinds).map(kind => [kind, []]));
for await (const { series, slice } of slices()) {
  const line: string[] = [];
  for (const [kind, make] of Object.entries(kinds)) {
    const { score } = structureInResidual(...(await make(slice)));
    scores.get(kind)!.push(score);
    line.push(score.toFixed(2));
  }
  console.error(series, line.join(' '));
}
await engine.dispose();
console.log('| removed by | slices | lowest score | median | highest |\n| --- | ---: | ---: | ---: | ---: |');
for (const [kind, list] of scores) {
  list.sort((a, b) => a - b);
  const shown = [list[0]!, list[list.length >> 1]!, list.at(-1)!].map(score => score.toFixed(2));
  console.log(`| ${[kind, list.length, ...shown].join(' | ')} |`);
}
