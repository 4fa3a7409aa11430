import { relativeDetectability } from './observer';
import type { GuardMeasurement, Kept, Lesion, LesionMeasurement } from './types';

/** A site may set its own. Those under `stop` and below it forbid saving at that strength (`guardFindings`). */
export interface GuardThresholds {
  /** A lesion that keeps a smaller share of its contrast, or of the original's d', asks for a closer look. */
  readonly amber: number;
  /** Too much is lost to read with. */
  readonly red: number;
  /** Smallest share of its contrast that a lesion, lighter or darker, may keep. */
  readonly stop: number;
  /** Largest mean change of a tissue, HU. */
  readonly tissueHu: number;
  readonly boneHu: number;
  /** Largest mean change of a square of 32 x 32 pixels, HU. */
  readonly blockHu: number;
  /** Smallest share of their sharpness that strong edges may keep. */
  readonly edges: number;
  /** Largest SD of what is added to uniform tissue, over the SD of the original's noise. */
  readonly texture: number;
}

/** Measured on the shared series and on planted faults (docs/evaluation.md, "The guard"). */
export const DEFAULT_THRESHOLDS: GuardThresholds = {
  amber: 0.9,
  red: 0.8,
  stop: 0.5,
  tissueHu: 3,
  boneHu: 4,
  blockHu: 5,
  edges: 0.9,
  texture: 0.45,
};

/**
 * The defaults with what a site sets.
 * @throws RangeError for a name that is none, and for what is no number of 0 or more
 */
export function readThresholds(given: unknown): GuardThresholds {
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw new RangeError('the limits are no object');
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULT_THRESHOLDS)) throw new RangeError(`there is no limit "${name}"`);
    if (typeof value !== 'number' || !(value >= 0)) throw new RangeError(`the limit "${name}" is no number`);
  }
  return { ...DEFAULT_THRESHOLDS, ...given };
}

export type Level = 'green' | 'amber' | 'red';

/** One lesion at one strength. */
export interface LesionFigures {
  readonly lesion: Lesion;
  readonly places: number;
  /** Mean of lighter and darker, and the larger of their spreads over places. */
  readonly contrast: Kept;
  readonly lighter: Kept;
  readonly darker: Kept;
  /** d' over the original's; null where the scan does not tell. */
  readonly detectability: number | null;
  /** Of the least of lighter, darker and d'. */
  readonly level: Level;
}

export interface GuardFigures {
  readonly strength: number;
  readonly lesions: readonly LesionFigures[];
  /** The worst of the lesions; null without any: the scan has no uniform place. */
  readonly level: Level | null;
  /** Largest strength, in whole percent (0 to 1), at which no lesion falls below amber. */
  readonly keepingStrength: number;
}

/**
 * The lesions at a strength s: contrast(s) = 1 - s (1 - kept), for blending is linear.
 * @param strength 0 to 1
 */
export function guardFigures(
  measurement: GuardMeasurement,
  strength: number,
  thresholds: GuardThresholds = DEFAULT_THRESHOLDS,
): GuardFigures {
  const lesions = measurement.lesions.map(each => figuresOf(each, strength, thresholds));
  return {
    strength,
    lesions,
    level: lesions.length > 0 ? worstOf(lesions.map(({ level }) => level)) : null,
    keepingStrength: keepingStrength(measurement.lesions, thresholds.amber),
  };
}

function figuresOf(each: LesionMeasurement, strength: number, thresholds: GuardThresholds): LesionFigures {
  const [lighter, darker] = [blended(each.lighter, strength), blended(each.darker, strength)];
  const detectability = each.observer && relativeDetectability(each.observer, strength);
  return {
    lesion: each.lesion,
    places: each.places.length,
    contrast: { mean: (lighter.mean + darker.mean) / 2, sd: Math.max(lighter.sd, darker.sd) },
    lighter,
    darker,
    detectability,
    level: levelOf(leastOf(each, strength), thresholds),
  };
}

const blended = ({ mean, sd }: Kept, strength: number): Kept => ({
  mean: 1 - strength * (1 - mean),
  sd: strength * sd,
});

/** Of what is kept of lighter, of darker and of d'. */
function leastOf({ lighter, darker, observer }: LesionMeasurement, strength: number): number {
  const seen = observer ? relativeDetectability(observer, strength) : 1;
  return Math.min(blended(lighter, strength).mean, blended(darker, strength).mean, seen);
}

/** What is not a number is not kept. */
function levelOf(kept: number, { amber, red }: GuardThresholds): Level {
  return kept >= amber ? 'green' : kept >= red ? 'amber' : 'red';
}

function worstOf(levels: readonly Level[]): Level {
  return levels.includes('red') ? 'red' : levels.includes('amber') ? 'amber' : 'green';
}

function keepingStrength(lesions: readonly LesionMeasurement[], least: number): number {
  for (let percent = 100; percent > 0; percent--)
    if (lesions.every(lesion => leastOf(lesion, percent / 100) >= least)) return percent / 100;
  return 0;
}
