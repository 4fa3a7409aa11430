import { relativeDetectability } from './observer';
import type { GuardMeasurement, NoiseMeasurement } from './types';

type Variance = NoiseMeasurement['variance'];

/** SD of (1 - s) original + s denoised, HU. */
export function noiseAt({ before, between, after }: Variance, strength: number): number {
  const s = strength;
  return Math.sqrt(Math.max(0, (1 - s) ** 2 * before + 2 * s * (1 - s) * between + s ** 2 * after));
}

/** Smallest strength, in whole percent (0 to 1), that leaves no more noise than `wantedHu`; 1 where full strength leaves more. */
export function strengthForNoise(variance: Variance, wantedHu: number): number {
  let percent = 0;
  while (percent < 100 && noiseAt(variance, percent / 100) > wantedHu) percent++;
  return percent / 100;
}

/** Largest strength, in whole percent (0 to 1), at which d' of every lesion is at least `least` of the original's; 1 where none can be told. */
export function strengthForDetectability({ lesions }: GuardMeasurement, least: number): number {
  const observers = lesions.flatMap(({ observer }) => observer ?? []);
  let percent = 100;
  while (percent > 0 && observers.some(each => relativeDetectability(each, percent / 100) < least)) percent--;
  return percent / 100;
}
