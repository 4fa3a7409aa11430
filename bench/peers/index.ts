/**
 * What a user would pick instead, side by side with the shipped models, on the same slices and cores:
 *
 *   npm run bench peers -- --pairs FOLDER [--split test] [--slices 8] [--rounds 5] [--threads 2] [--without bm3d] [--out docs/benchmarks]
 *
 * FOLDER holds pairs of `iscl simulate`. Needs the trainer's Python ($ISCL_PYTHON) with its extra `evaluate`, and `bm3d` for BM3D, which is licensed for
 * non-commercial use only; a method that is not there is a row that says so. Each round runs every method once on one slice, one after the other, so that what else
 * the machine does meets all of them; times are the median over the rounds, and a ratio is the median of the ratios within a round. Quality is measured on all slices.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelManifest } from '../../src/engine';
import { machine } from '../measure';
import { dncnn, paper, redcnn, type Network } from '../onnx/networks';
import { copyProbe, matmulProbe } from '../onnx/probes';
import { Classical, type Case, type Score } from './classical';
import { picture } from './picture';

export interface PeerRow {
  readonly what: string;
  /** ms a slice. */
  readonly best: number;
  readonly median: number;
  /** Time by that of the default model in the same round. */
  readonly ratio: number;
  readonly gflop: number | null;
  /** Mean over the slices; null where the weights are random. */
  readonly score: Score | null;
}

interface Method {
  readonly what: string;
  readonly gflop: number | null;
  /** Denoises a slice, gives ms. */
  run(index: number): Promise<number>;
  /** Of what `run` gave last; absent where it means nothing. */
  score?(index: number): Promise<Score>;
}

export async function peersPart(argv: readonly string[]): Promise<void> {
  const option = (name: string, other: string) =>
    argv.includes(name) ? argv[argv.indexOf(name) + 1]! : other;
  const threads = Number(option('--threads', '2'));
  const folder = await mkdtemp(join(tmpdir(), 'iscl-peers-'));
  const classical = new Classical(threads);
  try {
    const pairs = option('--pairs', 'training/.cache/pairs');
    const slices = Number(option('--slices', '8'));
    const cases = await classical.cases(pairs, option('--split', 'test'), slices, folder);
    const inputs = await Promise.all(cases.map(read));
    const without = option('--without', '').split(',');
    const methods = [
      ...(await networks(threads, cases, inputs, classical, folder)),
      ...['nlm', 'bilateral', 'bm3d']
        .filter(name => !without.includes(name))
        .map(name => classic(name, classical)),
    ];
    const { rows, absent } = await measureAll(methods, cases.length, Number(option('--rounds', '5')));
    const floor = await floors(threads);
    const text = report(rows, absent, floor, cases, threads);
    console.log(text);
    const out = option('--out', '');
    if (!out) return;
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'peers.md'), text);
    await writeFile(
      join(out, 'peers.json'),
      JSON.stringify({ machine: machine(), threads, floor, rows, absent }, null, 1),
    );
    await writeFile(join(out, 'peers.svg'), picture(rows));
  } finally {
    classical.close();
    await rm(folder, { recursive: true });
  }
}

async function read({ file }: Case): Promise<Float32Array> {
  return new Float32Array(Uint8Array.from(await readFile(file)).buffer);
}

async function networks(
  threads: number,
  cases: readonly Case[],
  inputs: readonly Float32Array[],
  classical: Classical,
  folder: string,
): Promise<Method[]> {
  const { models, default: main } = JSON.parse(
    await readFile('models/manifest.json', 'utf8'),
  ) as ModelManifest;
  const method = async (
    what: string,
    bytes: Uint8Array,
    gflop: number,
    trained: boolean,
    depth = 1,
    outputs = 1,
  ) => {
    const session = await InferenceSession.create(bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
    let last = new Float32Array();
    return {
      what,
      gflop,
      async run(index: number) {
        const { rows, columns } = cases[index]!;
        const one = inputs[index]!;
        const data =
          depth === 1
            ? one
            : Float32Array.from({ length: depth * one.length }, (_, i) => one[i % one.length]!);
        const started = performance.now();
        const { denoised } = await session.run({
          hu: new Tensor('float32', data, [1, depth, rows, columns]),
        });
        last = denoised!.data as Float32Array<ArrayBuffer>;
        return (performance.now() - started) / outputs;
      },
      ...(trained && depth === 1
        ? {
            async score(index: number) {
              const file = join(folder, 'result.raw');
              await writeFile(file, new Uint8Array(last.buffer, last.byteOffset, last.byteLength));
              return classical.score(index, file);
            },
          }
        : {}),
    } satisfies Method;
  };
  const ordered = [...models].sort((a, b) => Number(b.id === main) - Number(a.id === main));
  const shipped: Method[] = [];
  for (const { id, version, file, gflop512, slab } of ordered)
    shipped.push(
      await method(
        `${id} ${version}`,
        await readFile(join('models', file)),
        gflop512 ?? NaN,
        true,
        slab?.inputs,
        slab?.outputs,
      ),
    );
  const peers: [string, Network][] = [
    ['paper’s F and H, random weights', paper()],
    ['RED-CNN, random weights', redcnn()],
    ['DnCNN, random weights', dncnn()],
  ];
  for (const [what, { bytes, gflop512 }] of peers) shipped.push(await method(what, bytes, gflop512, false));
  return shipped;
}

const NAMES: Record<string, string> = {
  nlm: 'NLM (scikit-image)',
  bilateral: 'bilateral (scikit-image)',
  bm3d: 'BM3D (authors’ package)',
};

function classic(name: string, classical: Classical): Method {
  return {
    what: NAMES[name]!,
    gflop: null,
    run: index => classical.denoise(name, index),
    score: index => classical.score(index, null),
  };
}

async function measureAll(
  methods: readonly Method[],
  slices: number,
  rounds: number,
): Promise<{ rows: PeerRow[]; absent: string[] }> {
  const there: Method[] = [];
  const absent: string[] = [];
  for (const method of methods) {
    // Warm-up, and whether the method is there at all.
    await method.run(0).then(
      () => there.push(method),
      (error: unknown) =>
        absent.push(`${method.what}: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
  const times = there.map(() => [] as number[]);
  const scores = there.map(() => new Map<number, Score>());
  for (let round = 0; round < Math.max(rounds, slices); round++)
    for (const [i, method] of there.entries()) {
      const index = round % slices;
      // Rounds beyond those asked for are for the quality of further slices alone.
      if (round >= rounds && !method.score) continue;
      const ms = await method.run(index);
      if (round < rounds) times[i]!.push(ms);
      if (method.score && !scores[i]!.has(index)) scores[i]!.set(index, await method.score(index));
    }
  const rows: PeerRow[] = [];
  for (const [i, { what, gflop }] of there.entries()) {
    const found = [...scores[i]!.values()];
    const mean = (key: keyof Score) => found.reduce((sum, one) => sum + one[key], 0) / found.length;
    rows.push({
      what,
      best: Math.min(...times[i]!),
      median: median(times[i]!),
      ratio: median(times[i]!.map((ms, round) => ms / times[0]![round]!)),
      gflop,
      score: found.length
        ? { psnrGain: mean('psnrGain'), ssimGain: mean('ssimGain'), rmse: mean('rmse') }
        : null,
    });
  }
  return { rows, absent };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

interface Floors {
  readonly gflops: number;
  readonly gbPerSecond: number;
}

/** What this runtime reaches on this processor: a product of matrices of 1024, a pass over 64 MiB. */
async function floors(threads: number): Promise<Floors> {
  const best = async (graph: Uint8Array) => {
    const session = await InferenceSession.create(graph, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
    const times: number[] = [];
    for (let i = 0; i < 6; i++) {
      const started = performance.now();
      await session.run({ seed: new Tensor('float32', Float32Array.of(1), [1]) });
      times.push(performance.now() - started);
    }
    await session.release();
    return Math.min(...times);
  };
  const [n, elements, more] = [1024, 1 << 24, 4];
  const product =
    ((await best(matmulProbe(n, 1 + more, false))) - (await best(matmulProbe(n, 1, false)))) / more;
  const pass = ((await best(copyProbe(elements, 1 + more))) - (await best(copyProbe(elements, 1)))) / more;
  return { gflops: (2 * n ** 3) / product / 1e6, gbPerSecond: (8 * elements) / pass / 1e6 };
}

function report(
  rows: readonly PeerRow[],
  absent: readonly string[],
  { gflops, gbPerSecond }: Floors,
  cases: readonly Case[],
  threads: number,
): string {
  const digits = (value: number) => Number(value.toPrecision(3)).toString();
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `${machine()}; ${threads} threads; ${cases.length} slices, the first ${cases[0]!.rows} x ${cases[0]!.columns}.`,
    '',
    line([
      'method',
      'best, ms a slice',
      'median, ms',
      'times the default',
      'GFLOP',
      'floor, ms',
      'of the floor’s rate',
      'PSNR gain, dB',
      'SSIM gain',
      'RMSE, HU',
    ]),
    line(['---', ...Array.from({ length: 9 }, () => '---:')]),
    ...rows.map(({ what, best, median: middle, ratio, gflop, score }) => {
      const floor =
        gflop === null
          ? ['', '', '']
          : [
              digits(gflop),
              digits((1000 * gflop) / gflops),
              `${((1e5 * gflop) / gflops / best).toFixed(0)} %`,
            ];
      const quality = score
        ? [score.psnrGain.toFixed(2), score.ssimGain.toFixed(3), score.rmse.toFixed(1)]
        : ['', '', ''];
      return line([what, digits(best), digits(middle), digits(ratio), ...floor, ...quality]);
    }),
    '',
    `Floor: GFLOP by ${digits(gflops)} GFLOP/s, which a product of 1024 x 1024 matrices reaches in the same runtime. Memory moves ${digits(gbPerSecond)} GB/s; slice in, slice out and`,
    `the weights, 5 MB, take ${digits(5 / gbPerSecond)} ms of it, so arithmetic is the floor.`,
    ...absent.map(text => `- not measured: ${text}`),
    '',
  ].join('\n');
}
