import { neighbourRuns, planSlabs, type CtSlice, type ModelSlab, type Slab, type SliceHu } from '../ct';
import { UniformTissue } from './uniform';

/** Anatomy is looked for in a mean over so many millimetres along the normal, three to seven slices. */
const GUIDE_MM = 7;
/** Slabs that are searched for uniform tissue, evenly over the series. */
const SEARCHED = 9;
const [FEWEST, MOST] = [3, 5];
/** A short series would wait longer for its guard than for its slices. */
const SLICES_A_LOOK = 12;
/** Tissue is ranked by the places at least so far from the next edge. */
const RANK_DEPTH_PX = 11;

/** One run of the model, and the slice in the middle of what it gives, in which lesions are put. */
export interface Look {
  readonly slab: Slab;
  /** Index of the slice in the series, and its place in `slab.own`. */
  readonly middle: number;
  readonly output: number;
  /** Slices from the middle, for each index of `slab.inputs`. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Between neighbouring slices; null for a slice by itself. */
  readonly gapMm: number | null;
  readonly tissue: UniformTissue;
}

/**
 * The three to five slices that hold most uniform tissue, in their order, out of nine that are spread over the series. If no slice holds uniform
 * tissue, three that are spread over the series. A slab that cannot be read is passed over.
 * @param rest awaited between slices: a viewer stays quick
 * @throws what `loadHu` rejects with where no slab can be read; the signal's reason
 */
export async function findLooks(
  slices: readonly CtSlice[],
  slab: ModelSlab | null,
  rest: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<readonly Look[]> {
  const instances = slices.map(({ instance }) => instance);
  const runs = neighbourRuns(instances);
  const slabs = planSlabs(instances, slab);
  const whole = slabs.filter(
    ({ own, inputs }) => own.length === (slab?.outputs ?? 1) && new Set(inputs).size === inputs.length,
  );
  const from = whole.length > 0 ? whole : slabs;
  const count = Math.min(SEARCHED, from.length);
  const looks: Look[] = [];
  let unreadable: PromiseRejectedResult | null = null;
  for (let i = 0; i < count; i++) {
    const each = from[Math.floor(((i + 0.5) * from.length) / count)]!;
    const output = (each.own.length - 1) >> 1;
    const middle = each.own[output]!;
    const run = runs.find(({ indices }) => indices.includes(middle))!;
    await rest();
    const read = [...new Set([...each.inputs, ...guideOf(run.indices, middle, run.spacingMm)])];
    const loaded = await Promise.allSettled(read.map(index => slices[index]!.loadHu(signal)));
    signal?.throwIfAborted();
    const lost = loaded.find(one => one.status === 'rejected');
    if (lost) {
      unreadable = lost;
      continue;
    }
    const pixels = new Map(
      read.map((index, at) => [index, (loaded[at] as PromiseFulfilledResult<SliceHu>).value]),
    );
    const around = guideOf(run.indices, middle, run.spacingMm).map(index => pixels.get(index)!);
    const { rows, columns } = around[0]!;
    const tissue = new UniformTissue(
      around.map(({ hu }) => hu),
      rows,
      columns,
    );
    const distinct = [...new Set(each.inputs)];
    const offsets = new Map(distinct.map((index, at) => [index, at - distinct.indexOf(middle)]));
    looks.push({ slab: each, middle, output, offsets, gapMm: run.spacingMm, tissue });
  }
  if (looks.length === 0 && unreadable) throw unreadable.reason;
  const wanted = Math.min(MOST, Math.max(FEWEST, Math.floor(slices.length / SLICES_A_LOOK)));
  const rank = (look: Look) => look.tissue.count(RANK_DEPTH_PX);
  const uniform = looks.filter(look => rank(look) > 0);
  const best = [...uniform].sort((a, b) => rank(b) - rank(a) || a.middle - b.middle).slice(0, wanted);
  if (best.length > 0) return best.sort((a, b) => a.middle - b.middle);
  const few = Math.min(FEWEST, looks.length);
  return Array.from({ length: few }, (_, i) => looks[Math.floor(((i + 0.5) * looks.length) / few)]!);
}

/** The slice and its neighbours in its run. */
function guideOf(run: readonly number[], middle: number, spacingMm: number | null): number[] {
  const count = spacingMm === null ? 1 : Math.min(7, Math.max(3, Math.round(GUIDE_MM / spacingMm)));
  const at = run.indexOf(middle);
  return run.slice(Math.max(0, at - (count >> 1)), at + (count >> 1) + 1);
}
