import type { GuardFigures } from './figures';
import { noiseAt } from './noise';
import type { GuardMeasurement, Lesion } from './types';

const lesionWords = ({ diameterMm, contrastHu }: Lesion) => `${diameterMm} mm ${contrastHu} HU`;
const share = (value: number) => `${Math.round(100 * value)} %`;

/**
 * One sentence of ASCII for Derivation Description: the noise before and after, which lesions keep how much of their contrast, with the spread over
 * places, and d' over the original's.
 */
export function guardSentence(figures: GuardFigures, measurement: GuardMeasurement): string {
  const { looks, noise } = measurement;
  const before = noise ? Math.sqrt(noise.variance.before).toFixed(1) : '';
  const after = noise ? noiseAt(noise.variance, figures.strength).toFixed(1) : '';
  const slices = `in ${looks.length} slices${noise ? `, noise ${before} to ${after} HU` : ''}`;
  if (figures.lesions.length === 0)
    return `Lesion guard ${slices}: no uniform place, no lesion was measured.`;
  const lesions = figures.lesions.map(({ lesion, contrast, detectability }) => {
    const seen = detectability === null ? '' : `, d' ${detectability.toFixed(2)}`;
    return `${lesionWords(lesion)} ${share(contrast.mean)} (SD ${share(contrast.sd)}${seen})`;
  });
  return `Lesion guard ${slices}, contrast kept: ${lesions.join(', ')}.`;
}
