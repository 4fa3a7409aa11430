import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sliceFromStored, sortAlongNormal } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import type { ModelManifest } from '../../src/engine';
import { command } from '../../test/process';
import type { Stack } from './measure';

/** The series of a folder through the command with the default model, once for each way in which slabs can lie on it. */
export async function denoisedStack(folder: string, threads: number): Promise<Stack> {
  const manifest = JSON.parse(await readFile('models/manifest.json', 'utf8')) as ModelManifest;
  const { slab } = manifest.models.find(({ id }) => id === manifest.default)!;
  if (!slab) throw new Error(`${manifest.default} reads single slices`);
  const names = (await readdir(folder)).filter(name => name.endsWith('.dcm'));
  const read = await Promise.all(names.map(async name => ({ name, ...(await sliceOf(join(folder, name))) })));
  const sources = sortAlongNormal(read, ({ instance }) => instance);
  const root = await mkdtemp(join(tmpdir(), 'iscl-borders-'));
  try {
    const denoised: (Float32Array | null)[][] = [];
    for (let first = 0; first < slab.outputs; first++) {
      const [input, output] = [join(root, `${first}`), join(root, `${first}-denoised`)];
      await mkdir(input);
      for (const { name } of sources.slice(first)) await copyFile(join(folder, name), join(input, name));
      // Also where the guard would have nothing written.
      const more = ['--threads', String(threads), '--guards', 'warn'];
      const argv = [resolve('cli/iscl-denoise.mjs'), input, output, ...more];
      await command(process.execPath, argv);
      const results = await resultsIn(output);
      denoised.push(sources.map(({ instance }) => results.get(instance.SOPInstanceUID) ?? null));
    }
    return { original: sources.map(({ hu }) => hu), denoised, inputs: slab.inputs };
  } finally {
    await rm(root, { recursive: true });
  }
}

async function sliceOf(file: string) {
  const parsed = parsePart10(await readFile(file));
  const instance = naturalize(parsed);
  const { stored } = await decodeFrame(parsed);
  return { instance, hu: sliceFromStored(stored, instance).hu };
}

/** HU by the SOP Instance UID of the source. */
async function resultsIn(folder: string): Promise<Map<string, Float32Array>> {
  const results = new Map<string, Float32Array>();
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.dcm')) continue;
    const { instance, hu } = await sliceOf(join(folder, name));
    const [source] = instance['SourceImageSequence'] as { ReferencedSOPInstanceUID: string }[];
    results.set(source!.ReferencedSOPInstanceUID, hu);
  }
  return results;
}
