/** @jest-environment ./test/node-environment.cjs */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as ort from 'onnxruntime-node';
import { dncnn, paper, redcnn } from '../../bench/onnx/networks';
import type { PeerRow } from '../../bench/peers';
import { absentHere } from '../absent';
import { PYTHON } from '../conformance/python';
import { start } from '../process';

const PYTHONPATH = resolve('training/src');
const { status } = spawnSync(PYTHON, ['-c', 'import iscl.evaluation.baselines, skimage'], {
  env: { ...process.env, PYTHONPATH },
});
const absent = absentHere(status === 0 ? null : `${PYTHON} cannot import iscl.evaluation and scikit-image`);
if (absent) process.stdout.write(`skipped: npm run bench peers: ${absent}\n`);

it.each([
  // The counts of the papers' networks as the trainer counts them (docs/evaluation-0.4.md and `gflop` of iscl.nets).
  ['DnCNN', dncnn, 290],
  ['RED-CNN', redcnn, 970],
  ['the paper’s F and H', paper, 131],
] as const)(
  '%s has the published size and runs at sizes that are no power of two',
  async (_, make, gflop) => {
    const { bytes, gflop512 } = make();
    expect(Math.abs(gflop512 - gflop) / gflop).toBeLessThan(0.02);
    const session = await ort.InferenceSession.create(bytes);
    const hu = new ort.Tensor(
      'float32',
      Float32Array.from({ length: 36 * 44 }, (_value, i) => Math.cos(i)),
      [1, 1, 36, 44],
    );
    const { denoised } = await session.run({ hu });
    expect(denoised!.dims).toEqual([1, 1, 36, 44]);
    expect((denoised!.data as Float32Array).every(Number.isFinite)).toBe(true);
  },
);

/** One pair as `iscl simulate` writes it: a disc of soft tissue in air, white noise. */
const PAIR = `
import sys, numpy as np
y, x = np.mgrid[:96, :96] - 48
body = np.hypot(x, y) < 40
hu = np.where(body, 40, -1000).astype(np.int16)
noise = np.random.default_rng(1).normal(0, 25, (1, 96, 96)).astype(np.float16)
np.savez(sys.argv[1], hu=hu, noise=noise, cutoff=np.float32([1]), field_sd=np.float32([25]), body=body, noise_sd=np.float32(5),
  spacing=np.float32(0.7), thickness=np.float32(3), kernel='B30f', series='s', patient='p', split='test', domain='clean', dose=np.float32(0.25))
`;

(absent ? it.skip : it)(
  'measures models, networks and filters in one run; a filter that fails is named; every row has a time, and what is trained a quality',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'iscl-peers-test-'));
    try {
      expect(spawnSync(PYTHON, ['-c', PAIR, join(folder, 'pair.npz')], { stdio: 'inherit' }).status).toBe(0);
      const options = [
        '--pairs',
        folder,
        '--slices',
        '1',
        '--rounds',
        '1',
        '--threads',
        '1',
        '--without',
        'bm3d',
      ];
      const argv = [
        '--import',
        'tsx',
        resolve('bench/run.ts'),
        'peers',
        ...options,
        '--out',
        join(folder, 'out'),
      ];
      const { code, stderr } = await start(process.execPath, argv, {
        env: { ...process.env, ISCL_PYTHON: PYTHON },
      });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const { rows, absent: missing } = JSON.parse(
        await readFile(join(folder, 'out', 'peers.json'), 'utf8'),
      ) as {
        rows: PeerRow[];
        absent: string[];
      };
      expect(missing).toEqual([]);
      expect(rows.every(({ median, ratio }) => median > 0 && ratio > 0)).toBe(true);
      const scored = rows.filter(({ score }) => score).map(({ what }) => what);
      expect(scored).toEqual(
        expect.arrayContaining(['NLM (scikit-image)', expect.stringMatching(/^ct-fast /)]),
      );
      expect(rows.filter(({ what }) => /random/.test(what)).every(({ score }) => score === null)).toBe(true);
      expect(rows.find(({ what }) => /^NLM/.test(what))!.score!.psnrGain).toBeGreaterThan(1);
      const table = await readFile(join(folder, 'out', 'peers.md'), 'utf8');
      for (const { what } of rows) expect(table).toContain(`| ${what} |`);
      const svg = await readFile(join(folder, 'out', 'peers.svg'), 'utf8');
      expect(svg.match(/<circle/g)).toHaveLength(scored.length);
      expect(svg.match(/stroke="#a33"/g)).toHaveLength(rows.length - scored.length);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  240_000,
);
