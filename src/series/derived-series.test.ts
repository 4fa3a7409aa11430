import { sliceFromStored, type CtSlice, type SliceHu } from '../ct';
import { ctInstance } from '../ct/fixtures';
import type { DenoisedSlice } from '../denoise';
import { pixelHashOf, type DerivedInstance, type DeriveInput, type Provenance } from '../dicom';
import { DenoiseError } from '../notices';
import { derivedSeries, type DerivedSeriesOptions } from './derived-series';

const SIZE = 4;
const uid = (n: number) => `1.2.3.4.${n}`;
const settled = () => new Promise(resolve => setImmediate(resolve));
const GONE = new DenoiseError({ kind: 'fault', code: 'source-header', sopInstanceUid: uid(1) });

/** Slice n is 10 n HU, its result 10 n + 8 HU. */
function stage(count = 4) {
  const log: string[] = [];
  const derived: DeriveInput[] = [];
  const slice = (n: number): CtSlice => {
    const instance = ctInstance({ Rows: SIZE, Columns: SIZE }, n);
    return {
      instance,
      loadHu: async (): Promise<SliceHu> =>
        sliceFromStored(new Uint16Array(SIZE * SIZE).fill(1024 + 10 * n), instance),
    };
  };
  const result = (n: number): DenoisedSlice => ({
    ...{ sopInstanceUid: uid(n), rows: SIZE, columns: SIZE, provider: 'cpu', ms: 1, slab: null },
    hu: new Int16Array(SIZE * SIZE).fill(10 * n + 8),
    slab: null,
  });
  const slices = Array.from({ length: count }, (_, n) => slice(n));
  const options: DerivedSeriesOptions<CtSlice> = {
    slices,
    results: slices.map((_, n) => result(n)),
    strength: 0.5,
    provenance: ({ provider }) => ({ provider }) as Provenance,
    header: async ({ instance }) => {
      log.push(`header ${instance.SOPInstanceUID}`);
      return { instance };
    },
    createdAt: new Date(0),
    derive: async input => {
      const { SOPInstanceUID } = (input.source as { instance: { SOPInstanceUID: string } }).instance;
      log.push(`derive ${SOPInstanceUID}`);
      derived.push(input);
      return { sopInstanceUid: SOPInstanceUID } as DerivedInstance;
    },
  };
  return { log, derived, result, options };
}

async function uidsOf(instances: AsyncIterable<DerivedInstance>): Promise<string[]> {
  const uids: string[] = [];
  for await (const { sopInstanceUid } of instances) uids.push(sopInstanceUid);
  return uids;
}

test('derives each result from its own slice, in the order of the results, at one strength', async () => {
  const { options, derived, result } = stage();
  const results = [2, 0, 3, 1].map(result);
  expect(await uidsOf(derivedSeries({ ...options, results }))).toEqual([2, 0, 3, 1].map(uid));
  expect(derived.map(({ hu }) => hu[0])).toEqual([24, 4, 34, 14]);
  expect(derived.map(({ source }) => (source as { stored: Uint16Array }).stored[0])).toEqual([
    1044, 1024, 1054, 1034,
  ]);
  expect(derived[0]).toMatchObject({ provenance: { provider: 'cpu' }, createdAt: new Date(0) });
});

test('reads one slice ahead while a slice is derived and taken, and no more', async () => {
  const { options, log } = stage();
  const series = derivedSeries(options);
  await series.next();
  await settled();
  expect([...log].sort()).toEqual([`derive ${uid(0)}`, `header ${uid(0)}`, `header ${uid(1)}`]);
  await series.next();
  await settled();
  expect(log.filter(line => line.startsWith('header'))).toEqual([0, 1, 2].map(n => `header ${uid(n)}`));
});

describe('a slice that fails', () => {
  const failing: [string, (options: DerivedSeriesOptions<CtSlice>) => Partial<typeof options>][] = [
    [
      'header',
      ({ header }) => ({
        header: async (slice, signal) => {
          if (slice.instance.SOPInstanceUID === uid(1)) throw GONE;
          return header(slice, signal);
        },
      }),
    ],
    [
      'pixels',
      ({ slices }) => ({
        slices: slices.map(slice =>
          slice.instance.SOPInstanceUID === uid(1) ? { ...slice, loadHu: () => Promise.reject(GONE) } : slice,
        ),
      }),
    ],
    [
      'deriving',
      ({ derive }) => ({
        derive: async input => {
          if (input.hu[0] === 14) throw GONE;
          return derive!(input);
        },
      }),
    ],
  ];
  test.each(failing)('in its %s is told, and the others go on', async (_where, fail) => {
    const { options } = stage();
    const failed: [string, unknown][] = [];
    const onFailure = (sopInstanceUid: string, error: DenoiseError) => failed.push([sopInstanceUid, error]);
    const series = derivedSeries({ ...options, ...fail(options), onFailure });
    expect(await uidsOf(series)).toEqual([0, 2, 3].map(uid));
    expect(failed).toEqual([[uid(1), GONE]]);
  });
  test.each(failing)('in its %s ends the series where nobody is told', async (_where, fail) => {
    const { options } = stage();
    await expect(uidsOf(derivedSeries({ ...options, ...fail(options) }))).rejects.toBe(GONE);
  });
  test('for another reason than a notice ends the series in any case', async () => {
    const { options } = stage();
    const derive = () => Promise.reject(new RangeError('mistake'));
    const series = derivedSeries({ ...options, derive, onFailure: () => undefined });
    await expect(uidsOf(series)).rejects.toThrow('mistake');
  });
});

test('an early end of the iteration ends the results, also while the next one is awaited', async () => {
  const { options, result } = stage();
  let ended = false;
  const results: AsyncIterable<DenoisedSlice> = {
    [Symbol.asyncIterator]: () => {
      let given = 0;
      return {
        next: () =>
          given++ === 0
            ? Promise.resolve({ done: false, value: result(0) })
            : new Promise<never>(() => undefined),
        return: async () => ((ended = true), { done: true, value: undefined }),
      };
    },
  };
  for await (const { sopInstanceUid } of derivedSeries({ ...options, results })) {
    expect(sopInstanceUid).toBe(uid(0));
    break;
  }
  expect(ended).toBe(true);
});

test('stops at the signal, with its reason', async () => {
  const { options, log } = stage();
  const controller = new AbortController();
  const series = derivedSeries({ ...options, signal: controller.signal });
  await series.next();
  await settled();
  controller.abort(new Error('closed'));
  await expect(series.next()).rejects.toThrow('closed');
  expect(log.filter(line => line.startsWith('derive'))).toHaveLength(1);
});

describe('of a model that reads neighbours', () => {
  const slab = { inputs: [0, 0, 1, 2, 3].map(uid), output: 1 };
  const hashOf = (n: number) => pixelHashOf(new Uint16Array(SIZE * SIZE).fill(1024 + 10 * n));

  test('each neighbour is named with the hash of its pixels, which are loaded once for it', async () => {
    const { options, derived, result } = stage();
    const loads: string[] = [];
    const slices = options.slices.map(({ instance, loadHu }) => ({
      instance,
      loadHu: (signal?: AbortSignal) => (loads.push(instance.SOPInstanceUID), loadHu(signal)),
    }));
    const results = [1, 2].map((n, output) => ({ ...result(n), slab: { ...slab, output } }));
    await uidsOf(derivedSeries({ ...options, slices, results }));
    const inputs = await Promise.all(
      [0, 0, 1, 2, 3].map(async n => ({
        sopClassUid: options.slices[n]!.instance.SOPClassUID,
        sopInstanceUid: uid(n),
        pixelHash: await hashOf(n),
      })),
    );
    expect(derived.map(input => input.slab)).toEqual([
      { inputs, output: 0 },
      { inputs, output: 1 },
    ]);
    expect(loads.filter(each => each === uid(0) || each === uid(3))).toHaveLength(2);
  });
  test('who knows the hashes is asked for them', async () => {
    const { options, derived, result } = stage();
    const pixelHash = async ({ instance }: CtSlice) => `hash of ${instance.SOPInstanceUID}`;
    await uidsOf(derivedSeries({ ...options, results: [{ ...result(1), slab }], pixelHash }));
    expect(derived[0]!.slab!.inputs[4]!.pixelHash).toBe(`hash of ${uid(3)}`);
    expect(derived[0]!.slab!.inputs[2]!.pixelHash).toBe(await hashOf(1));
  });
  test('a neighbour that cannot be read fails the slice', async () => {
    const { options, result } = stage();
    const failed: string[] = [];
    const slices = options.slices.map(slice =>
      slice.instance.SOPInstanceUID === uid(3) ? { ...slice, loadHu: () => Promise.reject(GONE) } : slice,
    );
    const onFailure = (sopInstanceUid: string) => failed.push(sopInstanceUid);
    const results = [{ ...result(1), slab }, result(2)];
    expect(await uidsOf(derivedSeries({ ...options, slices, results, onFailure }))).toEqual([uid(2)]);
    expect(failed).toEqual([uid(1)]);
  });
});

test('a result of another series is a mistake', async () => {
  const { options, result } = stage(2);
  await expect(uidsOf(derivedSeries({ ...options, results: [result(7)] }))).rejects.toThrow(RangeError);
});
