import type { ModelDomain, NaturalizedInstance, Verdict } from './types';

/**
 * May this series be denoised, and what must be said about it? Pure, over naturalised metadata; multi-values may be arrays or
 * `A\B` strings, numbers may be strings.
 * @param instances all instances of one series, in any order
 * @param domain what the model was trained for; null when no model is chosen yet (then nothing is outside it)
 */
export declare function judgeSeries(
  instances: readonly NaturalizedInstance[],
  domain: ModelDomain | null,
): Verdict;
