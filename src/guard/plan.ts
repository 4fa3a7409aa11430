import type { RenderedBall } from './ball';
import type { Look } from './looks';
import type { Spot } from './uniform';

/** Fewer places say nothing about a scan. */
export const FEWEST_PLACES = 5;
const MOST_PLACES_A_LOOK = 8;
const MOST_REGIONS_A_SLICE = 20;
const ENOUGH_REGIONS = 40;
/** How far from edges lesions and noise are read; less where a scan has too little uniform tissue for it. */
const DEPTHS_PX = [14, 11, 9, 8];

/** Where the lesions of one look go, and in which regions of its slices noise is read. */
export interface Plan {
  readonly look: Look;
  /** Of each lesion. */
  readonly places: readonly (readonly Spot[])[];
  readonly sites: readonly Spot[];
}

/** Is any of its tissue even enough for a lesion or a region of noise? */
export function hasPlace({ tissue }: Look): boolean {
  return tissue.count(DEPTHS_PX.at(-1)!) > 0;
}

/** As many of the lesions as get places enough, the first ones first: there may be room for none. */
export function planOf(looks: readonly Look[], balls: readonly RenderedBall[]): Plan[] {
  const sitesAt = (depth: number) => looks.map(({ tissue }) => tissue.sites(depth, MOST_REGIONS_A_SLICE));
  const enough = (depth: number) =>
    sitesAt(depth).flat().length * looks[0]!.slab.own.length >= ENOUGH_REGIONS;
  const depth = DEPTHS_PX.find(enough) ?? DEPTHS_PX.at(-1)!;
  const sites = sitesAt(depth);
  for (let kinds = balls.length; kinds > 0; kinds--) {
    const places = looks.map(({ tissue }, at) => placesOf(tissue, balls.slice(0, kinds), depth, at));
    const found = (kind: number) => places.reduce((sum, each) => sum + each[kind]!.length, 0);
    if (Array.from({ length: kinds }, (_, kind) => found(kind)).every(count => count >= FEWEST_PLACES))
      return looks.map((look, at) => ({ look, places: places[at]!, sites: sites[at]! }));
  }
  return looks.map((look, at) => ({ look, places: [], sites: sites[at]! }));
}

/** Another lesion has the first turn in each look. */
function placesOf(
  tissue: Look['tissue'],
  balls: readonly RenderedBall[],
  depth: number,
  turn: number,
): Spot[][] {
  const order = balls.map((_, i) => (i + turn) % balls.length);
  const found = tissue.places(
    order.map(i => balls[i]!.radiusPx),
    depth,
    MOST_PLACES_A_LOOK,
  );
  return balls.map((_, i) => found[order.indexOf(i)]!);
}
