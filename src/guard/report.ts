import type { Fault } from '../notices';
import { guardFigures, type GuardThresholds, type LesionFigures, type Level } from './figures';
import { addedTexture, guardFindings } from './findings';
import { noiseAt } from './noise';
import { guardSentence } from './summary';
import type { ChangeMeasurement, GuardMeasurement } from './types';

/** The guard's figures at one strength, as plain JSON: in the command's report, the viewer's panel and the quality report. */
export interface GuardReport {
  /** 0 to 1. */
  readonly strength: number;
  /** SOP Instance UIDs of the slices looked at. */
  readonly looks: readonly string[];
  readonly inferences: number;
  /** Null where no slice looked at has a uniform place: no lesion was measured. */
  readonly level: Level | null;
  readonly lesions: readonly LesionFigures[];
  /** Largest strength at which every lesion keeps what counts as kept. */
  readonly keepingStrength: number;
  /** SD in uniform soft tissue, HU; null without any. */
  readonly noise: {
    readonly regions: number;
    readonly beforeHu: number;
    readonly afterHu: number;
    /** What was added, over what was there. */
    readonly added: number;
  } | null;
  /** At full strength. */
  readonly change: ChangeMeasurement;
  /** What forbids saving at this strength. */
  readonly findings: readonly Fault[];
  /** For Derivation Description. */
  readonly sentence: string;
}

/** @param strength 0 to 1 */
export function guardReport(
  measurement: GuardMeasurement,
  strength: number,
  thresholds: GuardThresholds,
): GuardReport {
  const figures = guardFigures(measurement, strength, thresholds);
  const { looks, inferences, noise, change } = measurement;
  return {
    ...figures,
    looks,
    inferences,
    noise: noise && {
      regions: noise.regions.length,
      beforeHu: Math.sqrt(noise.variance.before),
      afterHu: noiseAt(noise.variance, strength),
      added: strength * Math.sqrt(addedTexture(noise.spectrum)),
    },
    change,
    findings: guardFindings(measurement, strength, thresholds),
    sentence: guardSentence(figures, measurement),
  };
}
