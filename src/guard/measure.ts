import { pixelSizeOf, type CtSlice, type ModelSlab, type SliceHu } from '../ct';
import type { Engine, EngineInput } from '../engine';
import { addBall, renderBall, type RenderedBall } from './ball';
import { Changes } from './changes';
import { findLooks, type Look } from './looks';
import { Channels, covariance, meanOf, WINDOW_PX } from './observer';
import { FEWEST_PLACES, hasPlace, planOf, type Plan } from './plan';
import { meanProduct, ringPower, transformed, type Transformed } from './spectrum';
import type { GuardMeasurement, Kept, Lesion, LesionMeasurement, NoiseMeasurement, Place } from './types';
import { HALF, type Spot } from './uniform';

/** Lesions that a denoiser loses first, the hardest first: where a scan has little room, the last ones are left out. */
export const LESIONS: readonly Lesion[] = [
  { diameterMm: 5, contrastHu: 20 },
  { diameterMm: 10, contrastHu: 20 },
  { diameterMm: 5, contrastHu: 60 },
  { diameterMm: 10, contrastHu: 60 },
];
/** Fewer regions do not tell the covariance of six channels. */
const FEWEST_REGIONS = 20;
const SIDE = 2 * HALF + 1;

export interface GuardOptions {
  /** Along the normal, as the job has them. */
  readonly slices: readonly CtSlice[];
  readonly engine: Pick<Engine, 'denoiseSlab'>;
  /** Of the model; null for a model of single slices. */
  readonly slab: ModelSlab | null;
  /** Awaited before every step of some ten milliseconds and every inference; a viewer waits for an idle moment. */
  readonly rest?: () => Promise<void>;
  readonly signal?: AbortSignal;
}

/** What is read of a lesion at one place. */
interface Reading {
  readonly place: Place;
  readonly lighter: number;
  readonly darker: number;
  readonly response: readonly number[];
}

/** What the channels of a lesion see of one region. */
interface Response {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

interface NoiseRegion {
  readonly place: Place;
  readonly before: Transformed;
  readonly after: Transformed;
}

/**
 * What a model does to known faint lesions in the scan itself: balls of 5 and 10 mm, 20 and 60 HU, are added to uniform soft tissue of three to five
 * slices and taken off again, F(x + d) and F(x - d); F(x) at the same depth tells the noise. Three inferences a slice looked at. The definitions are
 * those of the trainer's judge (docs/evaluation.md), except that contrast and noise are read in single slices. What F(x) changes in the same slices is
 * measured too. Where nothing is uniform, only that is.
 * @throws what `loadHu` and `denoiseSlab` reject with; the signal's reason
 */
export async function measureGuard(options: GuardOptions): Promise<GuardMeasurement> {
  const { slices, slab, signal, rest = () => Promise.resolve() } = options;
  const looks = await findLooks(slices, slab, rest, signal);
  const { pixelMm, gapMm, thicknessMm } = geometryOf(slices[looks[0]!.middle]!, looks[0]!);
  // Of each diameter once, and none where there is no place for them.
  const lesions = looks.some(hasPlace) ? LESIONS : [];
  const balls = shared(lesions, ({ diameterMm }) => renderBall(diameterMm, pixelMm, gapMm, thicknessMm));
  const channels = shared(lesions, ({ diameterMm }) => new Channels((1.5 * diameterMm) / pixelMm + 4));
  const readings: Reading[][] = LESIONS.map(() => []);
  const regions: NoiseRegion[] = [];
  const responses: Response[][] = LESIONS.map(() => []);
  const changes = new Changes();
  let inferences = 0;
  for (const { look, places, sites } of planOf(looks, balls)) {
    const pass = new Pass(look, await slabOf(look, slices, signal), balls, options);
    const base = await pass.base();
    const [more, less] = places.some(spots => spots.length > 0) ? await pass.lesions(places, base) : [];
    inferences += more ? 3 : 1;
    for (const [index, spots] of more ? places.entries() : [])
      readings[index]!.push(...spots.map(spot => pass.read(index, spot, more!, less!, channels[index]!)));
    for (const [i, own] of look.slab.own.entries()) {
      await rest();
      const source = pass.source(own);
      const { SOPInstanceUID: sopInstanceUid } = slices[own]!.instance;
      changes.add(sopInstanceUid, source, base[i]!);
      for (const spot of sites) {
        const before = regionOf(source.hu, source.columns, spot);
        const after = regionOf(base[i]!, source.columns, spot);
        regions.push({
          place: { sopInstanceUid, ...spot },
          before: transformed(before),
          after: transformed(after),
        });
        for (const [index, each] of channels.entries())
          responses[index]!.push({ before: each.respond(before), after: each.respond(after) });
      }
    }
  }
  return {
    looks: looks.map(({ middle }) => slices[middle]!.instance.SOPInstanceUID),
    inferences,
    pixelMm,
    lesions: LESIONS.flatMap((lesion, index) =>
      readings[index]!.length < FEWEST_PLACES
        ? []
        : [measurementOf(lesion, readings[index]!, balls[index]!, channels[index]!, responses[index]!)],
    ),
    noise: regions.length > 0 ? noiseOf(regions) : null,
    change: changes.measurement,
  };
}

/** What depends on the diameter alone, made once for each. */
function shared<T>(lesions: readonly Lesion[], make: (lesion: Lesion) => T): T[] {
  const made = new Map<number, T>();
  return lesions.map(lesion => {
    const one = made.get(lesion.diameterMm) ?? make(lesion);
    made.set(lesion.diameterMm, one);
    return one;
  });
}

/** A slice by itself is a thickness away from where its neighbours would be. */
function geometryOf({ instance }: CtSlice, { gapMm }: Look) {
  const { pixelMm, thicknessMm } = pixelSizeOf(instance);
  const gap = gapMm ?? thicknessMm ?? 1;
  return { pixelMm, gapMm: gap, thicknessMm: thicknessMm ?? gap };
}

async function slabOf(
  look: Look,
  slices: readonly CtSlice[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, SliceHu>> {
  const indices = [...look.offsets.keys()];
  const loaded = await Promise.all(indices.map(index => slices[index]!.loadHu(signal)));
  signal?.throwIfAborted();
  return new Map(indices.map((index, i) => [index, loaded[i]!]));
}

/** The three inferences of one look. */
class Pass {
  constructor(
    private readonly look: Look,
    private readonly sources: ReadonlyMap<number, SliceHu>,
    private readonly balls: readonly RenderedBall[],
    private readonly options: GuardOptions,
  ) {}

  source(index: number): SliceHu {
    return this.sources.get(index)!;
  }

  /** F(x), for each of the slab's own slices. */
  base(): Promise<readonly Float32Array[]> {
    return this.denoise(this.sources);
  }

  /** F(x + d) - F(x) and F(x) - F(x - d) of the middle slice. */
  async lesions(
    places: Plan['places'],
    base: readonly Float32Array[],
  ): Promise<readonly [more: Float32Array, less: Float32Array]> {
    const { output } = this.look;
    const middle = base[output]!;
    const lighter = (await this.denoise(this.withLesions(places, 1)))[output]!;
    const darker = (await this.denoise(this.withLesions(places, -1)))[output]!;
    return [lighter.map((value, i) => value - middle[i]!), darker.map((value, i) => middle[i]! - value)];
  }

  read(lesion: number, spot: Spot, more: Float32Array, less: Float32Array, channels: Channels): Reading {
    const { middle } = this.look;
    const { columns } = this.source(middle);
    const [ball, { contrastHu }] = [this.balls[lesion]!, LESIONS[lesion]!];
    const own = contrastHu * ball.coreMean;
    const side = 2 * ball.half + 1;
    const first = (spot.row - ball.half) * columns + spot.column - ball.half;
    const mean = (image: Float32Array) =>
      ball.core.reduce((sum, i) => sum + image[first + Math.floor(i / side) * columns + (i % side)]!, 0) /
      ball.core.length;
    const whole = regionOf(more, columns, spot);
    regionOf(less, columns, spot).forEach((value, i) => (whole[i] = (whole[i]! + value) / 2));
    return {
      place: { sopInstanceUid: this.options.slices[middle]!.instance.SOPInstanceUID, ...spot },
      lighter: mean(more) / own,
      darker: mean(less) / own,
      response: channels.respond(whole),
    };
  }

  private async denoise(inputs: ReadonlyMap<number, EngineInput>): Promise<readonly Float32Array[]> {
    const { engine, signal, rest } = this.options;
    await rest?.();
    signal?.throwIfAborted();
    return (await engine.denoiseSlab(this.look.slab.inputs.map(index => inputs.get(index)!))).slices;
  }

  private withLesions(places: Plan['places'], sign: 1 | -1): ReadonlyMap<number, EngineInput> {
    const inputs = new Map<number, EngineInput>();
    for (const [index, source] of this.sources) {
      const { rows, columns, padding } = source;
      const hu = source.hu.slice();
      places.forEach((spots, lesion) => {
        const { half, slice } = this.balls[lesion]!;
        const values = slice(this.look.offsets.get(index)!);
        for (const spot of values ? spots : [])
          addBall(hu, rows, columns, values!, half, spot, sign * LESIONS[lesion]!.contrastHu);
      });
      inputs.set(index, { hu, rows, columns, padding });
    }
    return inputs;
  }
}

function regionOf(image: Float32Array, columns: number, { row, column }: Spot): Float32Array {
  const region = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    const first = (row - HALF + y) * columns + column - HALF;
    region.set(image.subarray(first, first + SIDE), y * SIDE);
  }
  return region;
}

function measurementOf(
  lesion: Lesion,
  readings: readonly Reading[],
  ball: RenderedBall,
  channels: Channels,
  responses: readonly Response[],
): LesionMeasurement {
  const [before, after] = [responses.map(each => each.before), responses.map(each => each.after)];
  const seen = readings.map(({ response }) => response);
  const observed = before.length >= FEWEST_REGIONS && ball.radiusPx <= WINDOW_PX - 3;
  return {
    lesion,
    places: readings.map(({ place }) => place),
    lighter: keptOf(readings.map(({ lighter }) => lighter)),
    darker: keptOf(readings.map(({ darker }) => darker)),
    observer: observed
      ? {
          lesion: channels.respond(imageOf(ball, lesion.contrastHu)),
          denoised: meanOf(seen),
          spread: covariance(seen, seen),
          before: covariance(before, before),
          between: covariance(before, after),
          after: covariance(after, after),
        }
      : null,
  };
}

/** The lesion in a region of its own. */
function imageOf(ball: RenderedBall, contrastHu: number): Float32Array {
  const image = new Float32Array(SIDE * SIDE);
  addBall(image, SIDE, SIDE, ball.slice(0)!, ball.half, { row: HALF, column: HALF }, contrastHu);
  return image;
}

function keptOf(values: readonly number[]): Kept {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

function noiseOf(regions: readonly NoiseRegion[]): NoiseMeasurement {
  const mean = (of: (region: NoiseRegion) => number) =>
    regions.reduce((sum, region) => sum + of(region), 0) / regions.length;
  const meanRings = (of: (region: NoiseRegion) => number[]) => {
    const all = regions.map(of);
    return all[0]?.map((_, ring) => all.reduce((sum, each) => sum + each[ring]!, 0) / all.length) ?? [];
  };
  return {
    regions: regions.map(({ place }) => place),
    variance: {
      before: mean(({ before }) => meanProduct(before, before)),
      between: mean(({ before, after }) => meanProduct(before, after)),
      after: mean(({ after }) => meanProduct(after, after)),
    },
    spectrum: {
      before: meanRings(({ before }) => ringPower(before, before)),
      between: meanRings(({ before, after }) => ringPower(before, after)),
      after: meanRings(({ after }) => ringPower(after, after)),
    },
  };
}
