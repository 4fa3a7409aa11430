import { resolve } from 'node:path';
import { createNodeEngine } from '../src/engine/node';
import { readFile } from 'node:fs/promises';
import type { ModelManifest } from '../src/engine';
import { measure, type Row } from './measure';

const SIZE = 512;
const MANIFEST = resolve('models/manifest.json');

/** Every model of the manifest on onnxruntime-node, one thread and two, one 512 x 512 slice at a time. */
export async function inferenceRows(): Promise<Row[]> {
  const { models } = JSON.parse(await readFile(MANIFEST, 'utf8')) as ModelManifest;
  const hu = Float32Array.from({ length: SIZE * SIZE }, (_, i) => 40 + 60 * Math.sin(i * i));
  const rows: Row[] = [];
  for (const { id, version, gflop512 } of models) {
    for (const threads of [1, 2]) {
      const engine = createNodeEngine({ manifestPath: MANIFEST, modelId: id, threads });
      await engine.prepare();
      const what = `inference: ${id} ${version} (${gflop512} GFLOP), onnxruntime-node, ${threads} thread${threads > 1 ? 's' : ''}`;
      rows.push(
        await measure(what, { per: 'slice 512x512', runs: 9, warmUps: 1 }, () =>
          engine.denoise({ hu, rows: SIZE, columns: SIZE }),
        ),
      );
      await engine.dispose();
    }
  }
  return rows;
}
