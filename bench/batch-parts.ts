import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sliceFromStored, type SliceHu } from '../src/ct';
import { blend } from '../src/denoise';
import { provenanceOf } from '../src/series';
import { decodeFrame, deriveInstance, naturalize, parsePart10, type ParsedInstance } from '../src/dicom';
import { createNodeEngine } from '../src/engine/node';
import { writeAtomically } from '../src/store/node';

/** Slices measured, after as many to warm up; whole slabs. */
const SLICES = 30;

/** Processor milliseconds a slice of each part of the command, as a line. */
export async function measureParts(input: string, output: string, threads: number): Promise<string> {
  await mkdir(output, { recursive: true });
  const files = (await readdir(input)).sort().slice(0, 2 * SLICES);
  const engine = createNodeEngine({ manifestPath: resolve('models/manifest.json'), threads });
  const info = await engine.prepare();
  const provenance = provenanceOf(info, info.provider, 1, [], files);
  let spent: Record<string, number> = {};
  const time = async <T>(part: string, work: () => T | Promise<T>): Promise<T> => {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    spent[part] = (spent[part] ?? 0) + (user + system) / 1000 / SLICES;
    return result;
  };
  const { inputs: n, outputs: m } = info.model.slab ?? { inputs: 1, outputs: 1 };
  for (let start = 0; start < files.length; start += m) {
    if (start === files.length - SLICES) spent = {};
    const loaded: { file: string; parsed: ParsedInstance; slice: SliceHu }[] = [];
    for (const file of files.slice(start, start + m)) {
      const path = join(input, file);
      const instance = await time('list', async () => naturalize(parsePart10(await readFile(path))));
      const bytes = await time('read', () => readFile(path));
      loaded.push(
        await time('decode', async () => {
          const parsed = parsePart10(bytes);
          const { stored } = await decodeFrame(parsed);
          return { file, parsed, slice: sliceFromStored(stored, instance) };
        }),
      );
    }
    const slab = Array.from({ length: n }, (_, i) => loaded[Math.min(m - 1, Math.max(0, i - (n - m) / 2))]!);
    const { slices } = await time('inference', () => engine.denoiseSlab(slab.map(({ slice }) => slice)));
    for (const [i, { file, parsed, slice }] of loaded.entries()) {
      const { part10 } = await time('derive and encode', () =>
        deriveInstance({
          source: { parsed, stored: slice.stored },
          hu: blend(slice, slices[i]!, 1),
          provenance,
          createdAt: new Date(0),
        }),
      );
      await time('write and flush', () => writeAtomically(join(output, file), part10));
    }
  }
  await engine.dispose();
  await rm(output, { recursive: true });
  const sum = Object.values(spent).reduce((a, b) => a + b, 0);
  return Object.entries(spent)
    .map(([part, ms]) => `${part} ${ms.toFixed(1)} (${((ms / sum) * 100).toFixed(1)} %)`)
    .join(', ');
}
