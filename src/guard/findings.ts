import { DenoiseError, type Fault } from '../notices';
import { guardFigures, type GuardThresholds } from './figures';
import type { GuardMeasurement, NoiseSpectrum } from './types';

/** Bone holds hundreds of HU, so that a shift which would be one in soft tissue is none there. */
const tissueLimit = (tissue: string, { tissueHu, boneHu }: GuardThresholds) =>
  tissue === 'bone' ? boneHu : tissueHu;

/**
 * What forbids saving at this strength, what says most last (a shift of a tissue explains a changed region); empty where nothing does. Each has been shown to catch a planted fault
 * (test/guard/planted.test.ts). A scan without uniform tissue has no figures for lesions and texture; the others are measured on every scan.
 * @param strength 0 to 1
 */
export function guardFindings(
  measurement: GuardMeasurement,
  strength: number,
  thresholds: GuardThresholds,
): Fault[] {
  const { change, noise } = measurement;
  const findings: Fault[] = [];
  const { lesions, keepingStrength } = guardFigures(measurement, strength, thresholds);
  const lost = lesions.find(
    ({ lighter, darker }) => !(Math.min(lighter.mean, darker.mean) >= thresholds.stop),
  );
  if (lost)
    findings.push({
      kind: 'fault',
      code: 'guard-lesions',
      ...lost.lesion,
      strengthPercent: percent(strength),
      keptPercent: percent(Math.min(lost.lighter.mean, lost.darker.mean)),
      keepingPercent: percent(keepingStrength),
    });
  const added = noise ? Math.sqrt(addedTexture(noise.spectrum)) * strength : 0;
  if (!(added <= thresholds.texture))
    findings.push({ kind: 'fault', code: 'guard-texture', addedPercent: percent(added) });
  const { sopInstanceUid, row, column, meanChangeHu } = change.block;
  if (!(Math.abs(strength * meanChangeHu) <= thresholds.blockHu))
    findings.push({
      kind: 'fault',
      code: 'guard-region',
      sopInstanceUid,
      row: row + 1,
      column: column + 1,
      changeHu: tenths(strength * meanChangeHu),
    });
  const edges = change.edgesKept === null ? 1 : 1 - strength * (1 - change.edgesKept);
  if (!(edges >= thresholds.edges))
    findings.push({ kind: 'fault', code: 'guard-edges', keptPercent: percent(edges) });
  for (const tissue of change.tissues) {
    const [changeHu, limitHu] = [strength * tissue.meanChangeHu, tissueLimit(tissue.tissue, thresholds)];
    if (!(Math.abs(changeHu) <= limitHu))
      findings.push({
        kind: 'fault',
        code: 'guard-tissue',
        tissue: tissue.tissue,
        changeHu: tenths(changeHu),
        limitHu,
      });
  }
  return findings;
}

const percent = (share: number) => Math.round(100 * share);
const tenths = (hu: number) => Math.round(10 * hu) / 10;

/** @throws DenoiseError with the gravest finding */
export function assertSafe(findings: readonly Fault[]): void {
  const worst = findings.at(-1);
  if (worst) throw new DenoiseError(worst);
}

/**
 * Power of the denoised noise that no linear filter of the slice's own noise gives, over the power of the original's: what was not there before.
 * Rings hold more frequencies the further out they lie.
 */
export function addedTexture({ before, between, after }: NoiseSpectrum): number {
  let [added, all] = [0, 0];
  for (const [k, power] of before.entries()) {
    added += (k + 1) * Math.max(0, after[k]! - between[k]! ** 2 / power);
    all += (k + 1) * power;
  }
  return added / all;
}
