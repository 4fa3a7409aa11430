import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ModelCard, ModelManifest } from './types';

/** The tests' real model: a 3x3 mean of HU (test/fixtures/box-model). */
export const BOX_MODEL = resolve('test/fixtures/box-model');
export const BOX_MANIFEST = join(BOX_MODEL, 'manifest.json');

export function boxManifest(): ModelManifest {
  return JSON.parse(readFileSync(BOX_MANIFEST, 'utf8')) as ModelManifest;
}

export function boxCard(): ModelCard {
  return boxManifest().models[0]!;
}

export function boxFile(name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(join(BOX_MODEL, name)));
}

/** The tests' slab model, 5 slices in and 3 out: each is 0.15 of the slice below, 0.6 of its own, 0.25 of that above (test/fixtures/slab-model). */
export const MIX_MODEL = resolve('test/fixtures/slab-model');
export const MIX_MANIFEST = join(MIX_MODEL, 'manifest.json');

export function mixCard(): ModelCard {
  return (JSON.parse(readFileSync(MIX_MANIFEST, 'utf8')) as ModelManifest).models[0]!;
}

export function mixFile(name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(join(MIX_MODEL, name)));
}

/** What the slab model gives for the middle of three values. */
export const mixOf = (below: number, own: number, above: number) => 0.15 * below + 0.6 * own + 0.25 * above;

/** The 3x3 mean with zeros outside, as the network computes it. */
export function boxMean(hu: Float32Array, rows: number, columns: number): Float32Array {
  const at = (y: number, x: number) =>
    y < 0 || x < 0 || y >= rows || x >= columns ? 0 : hu[y * columns + x]!;
  return hu.map((_, i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) sum += at(y + dy, x + dx);
    return sum / 9;
  });
}
