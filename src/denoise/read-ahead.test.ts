import type { CtSlice, SliceHu } from '../ct';
import { ctInstance } from '../ct/fixtures';
import { DenoiseError } from '../notices';
import { ReadAhead } from './read-ahead';

/** Slices whose pixels come when the test says so. */
function slices(count: number) {
  const reads: { readonly index: number; readonly signal: AbortSignal; give(): void }[] = [];
  const given = Array.from({ length: count }, (_, index): CtSlice => ({
    instance: ctInstance({}, index),
    loadHu: signal =>
      new Promise(resolve => {
        reads.push({ index, signal: signal!, give: () => resolve({ rows: index } as SliceHu) });
      }),
  }));
  return { given, reads };
}
const CANCELLED = new DenoiseError({ kind: 'fault', code: 'cancelled' });

describe('ReadAhead', () => {
  test('gives what it has begun to read, without reading it twice', async () => {
    const { given, reads } = slices(2);
    const source = new ReadAhead(given);
    source.begin([1]);
    const taken = source.take([1], new AbortController().signal);
    reads[0]!.give();
    expect((await taken)[0]!.rows).toBe(1);
    expect(reads).toHaveLength(1);
  });
  test('stops reading a slice that is not the one wanted after all', async () => {
    const { given, reads } = slices(3);
    const source = new ReadAhead(given);
    source.begin([1]);
    const taken = source.take([2], new AbortController().signal);
    expect(reads.map(({ index, signal }) => [index, signal.aborted])).toEqual([
      [1, true],
      [2, false],
    ]);
    reads[1]!.give();
    expect((await taken)[0]!.rows).toBe(2);
  });
  test('a source that does not answer is left at the signal, and told so', async () => {
    const { given, reads } = slices(2);
    const source = new ReadAhead(given);
    const run = new AbortController();
    const taken = source.take([0], run.signal);
    source.begin([1]);
    run.abort(CANCELLED);
    source.stop(CANCELLED);
    await expect(taken).rejects.toBe(CANCELLED);
    expect(reads.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });
  test('a slab whose neighbours are here asks for the others only; what no slab needs is let go', async () => {
    const { given, reads } = slices(9);
    const source = new ReadAhead(given);
    const { signal } = new AbortController();
    const take = async (indices: number[]) => {
      const taken = source.take(indices, signal);
      for (const read of reads) read.give();
      return (await taken).map(({ rows }) => rows);
    };
    expect(await take([2, 3, 4, 5, 6])).toEqual([2, 3, 4, 5, 6]);
    source.keep(index => index >= 5, 4);
    expect(await take([5, 6, 7, 8])).toEqual([5, 6, 7, 8]);
    expect(reads.map(({ index }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    source.keep(() => true, 2);
    await take([5, 6, 7, 8]);
    expect(reads.map(({ index }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8, 5, 6]);
  });
  test('a slice that does not come is named, and asked for again the next time', async () => {
    const broken: CtSlice = { instance: ctInstance(), loadHu: () => Promise.reject(new Error('404')) };
    let asked = 0;
    const counted: CtSlice = { ...broken, loadHu: () => (asked++, broken.loadHu()) };
    const source = new ReadAhead([{ ...broken, loadHu: async () => ({}) as SliceHu }, counted]);
    const { signal } = new AbortController();
    for (let time = 0; time < 2; time++)
      await expect(source.take([0, 1], signal)).rejects.toMatchObject({ index: 1, cause: new Error('404') });
    expect(asked).toBe(2);
  });
});
