import type { GuardFigures } from './figures';
import type { GuardMeasurement, Lesion } from './types';

const lesionWords = ({ diameterMm, contrastHu }: Lesion) => `${diameterMm} mm ${contrastHu} HU`;
const share = (value: number) => `${Math.round(100 * value)} %`;

/**
 * One sentence of ASCII for Derivation Description: which lesions keep how much of their contrast, with the spread over places, and d' over the
 * original's.
 */
export function guardSentence(figures: GuardFigures, measurement: GuardMeasurement): string {
  const slices = `in ${measurement.looks.length} slices`;
  if (figures.lesions.length === 0)
    return `Lesion guard: no uniform place ${slices}, no lesion was measured.`;
  const lesions = figures.lesions.map(({ lesion, contrast, detectability }) => {
    const seen = detectability === null ? '' : `, d' ${detectability.toFixed(2)}`;
    return `${lesionWords(lesion)} ${share(contrast.mean)} (SD ${share(contrast.sd)}${seen})`;
  });
  return `Lesion guard ${slices}, contrast kept: ${lesions.join(', ')}.`;
}
