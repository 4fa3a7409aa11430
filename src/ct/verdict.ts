import type { Refusal, Warning } from '../notices';
import { number, numbers, text, texts } from './attributes';
import { judgeDomain, unstated } from './domain';
import { gapsOf } from './gaps';
import { COSINE_TOLERANCE, sliceNormal } from './geometry';
import { invalid, missing, readModality } from './modality';
import { neighbourRuns } from './neighbours';
import { isIsclDerived } from './product';
import { isBeyond } from './slabs';
import { CT_IMAGE_STORAGE, MULTI_FRAME_CT } from './sop-classes';
import { judgeUniformity } from './uniformity';
import { DECODABLE_TRANSFER_SYNTAXES, LOSSY_TRANSFER_SYNTAXES } from './transfer-syntaxes';
import type { ModelDomain, ModelSlab, NaturalizedInstance, Verdict } from './types';

/** Image Type words for projections; LOCALIZER is the standard's (PS3.3 C.8.2.1.1.1), the rest are the makers'. */
const LOCALIZER_WORDS = /^(LOCALIZER|SCOUT|TOPOGRAM|SCANOGRAM|(REF_)?SURVIEW)$/;
/** Fewer pixels than this are no CT image, and fewer than the networks' receptive field. */
const MIN_MATRIX = 32;
/** A pixel format that cannot hold fat and bone does not hold HU, whatever its rescale says. */
const NEEDED_HU = [-200, 200] as const;

/**
 * May this series be denoised, and what must be said about it? Pure, over naturalised metadata; multi-values may be arrays or
 * `A\B` strings, numbers may be strings.
 * @param instances all instances of one series, in any order
 * @param domain what the model was trained for; null when no model is chosen yet (then nothing is outside it)
 * @param slab of a model that reads neighbouring slices; it also judges how the slices lie
 */
export function judgeSeries(
  instances: readonly NaturalizedInstance[],
  domain: ModelDomain | null,
  slab: ModelSlab | null = null,
): Verdict {
  const [first] = instances;
  if (!first) return { kind: 'refused', reasons: [{ kind: 'refusal', code: 'empty-series' }] };
  const reasons = new Notices<Refusal>();
  const warnings = new Notices<Warning>();
  for (const instance of instances) {
    for (const refusal of refuse(instance)) reasons.add(refusal);
    for (const warning of warn(instance, domain)) warnings.add(warning);
  }
  // Differences between instances are worth naming only when each is a CT image by itself.
  if (reasons.list.length === 0) {
    for (const attribute of mixed(first, instances))
      reasons.add({ kind: 'refusal', code: 'mixed-geometry', attribute });
  }
  const gaps = reasons.list.length === 0 ? gapsOf(instances) : null;
  if (gaps) warnings.add({ kind: 'warning', code: 'slices-missing', ...gaps });
  if (reasons.list.length === 0) for (const warning of judgeUniformity(instances)) warnings.add(warning);
  if (reasons.list.length === 0 && slab) {
    for (const notice of judgeNeighbours(instances, slab)) {
      if (notice.kind === 'refusal') reasons.add(notice);
      else warnings.add(notice);
    }
  }
  return reasons.list.length > 0
    ? { kind: 'refused', reasons: reasons.list }
    : { kind: 'accepted', warnings: warnings.list, unknown: domain ? unstated(instances) : [] };
}

/** Reasons in order of importance; what makes the rest meaningless (not CT, a multi-frame object) stands alone. */
function refuse(instance: NaturalizedInstance): Refusal[] {
  const modality = text(instance, 'Modality');
  if (modality !== 'CT') return [{ kind: 'refusal', code: 'not-ct', modality }];
  const sopClassUid = text(instance, 'SOPClassUID');
  const frames = number(instance, 'NumberOfFrames') ?? 1;
  if (MULTI_FRAME_CT.includes(sopClassUid) || frames > 1)
    return [{ kind: 'refusal', code: 'multi-frame', frames }];
  if (sopClassUid !== CT_IMAGE_STORAGE) return [{ kind: 'refusal', code: 'wrong-sop-class', sopClassUid }];
  if (!(frames >= 1)) return [invalid(instance, 'NumberOfFrames')];
  if (isIsclDerived(instance)) return [{ kind: 'refusal', code: 'already-denoised' }];

  const reasons: Refusal[] = [];
  if (texts(instance, 'ImageType').some(word => LOCALIZER_WORDS.test(word.toUpperCase()))) {
    reasons.push({ kind: 'refusal', code: 'localizer' });
  }
  const photometricInterpretation = text(instance, 'PhotometricInterpretation');
  const samples = number(instance, 'SamplesPerPixel');
  if (photometricInterpretation === '') reasons.push(missing('PhotometricInterpretation'));
  else if (!photometricInterpretation.startsWith('MONOCHROME') || (samples !== null && samples !== 1)) {
    // A colour image has no HU, so its pixel format needs no further word.
    return [...reasons, { kind: 'refusal', code: 'colour', photometricInterpretation }];
  } else if (photometricInterpretation !== 'MONOCHROME2') {
    const detail = photometricInterpretation;
    reasons.push({ kind: 'refusal', code: 'not-hu', reason: 'not-monochrome2', detail });
  }
  return [
    ...reasons,
    ...refuseFormat(instance),
    ...refuseGeometry(instance),
    ...refuseTransferSyntax(instance),
  ];
}

function refuseFormat(instance: NaturalizedInstance): Refusal[] {
  const reasons: Refusal[] = [];
  // Type 1C: required when the values are not HU (PS3.3 C.8.2.1), so a CT image without it is in HU.
  const rescaleType = text(instance, 'RescaleType');
  if (rescaleType !== '' && !meansHu(rescaleType)) {
    reasons.push({ kind: 'refusal', code: 'not-hu', reason: 'rescale-type', detail: rescaleType });
  }
  const format = readModality(instance);
  if ('kind' in format) return [...reasons, format];
  const ends = [format.minStored, format.maxStored].map(stored => format.slope * stored + format.intercept);
  if (Math.min(...ends) > NEEDED_HU[0] || Math.max(...ends) < NEEDED_HU[1]) {
    const detail = `${Math.min(...ends)} to ${Math.max(...ends)} HU`;
    reasons.push({ kind: 'refusal', code: 'not-hu', reason: 'range', detail });
  }
  return reasons;
}

/**
 * Whether a Rescale Type says Hounsfield units: `HU`, or their name in full, which GE writes as "Houndsfield Unit" in reformats. Everything else is
 * another quantity (US, unspecified; Z_EFF; MGML; HU_MOD, ED and PCT of PS3.3 C.11.1.1.2) or a word nobody knows.
 */
function meansHu(rescaleType: string): boolean {
  return /^(HU|H\.U\.|HOUN[SD]{1,2}FIELD([ _-]?UNITS?)?)$/i.test(rescaleType);
}

function refuseGeometry(instance: NaturalizedInstance): Refusal[] {
  const reasons: Refusal[] = [];
  const sizes = (['Rows', 'Columns'] as const).map(keyword => {
    const size = number(instance, keyword);
    if (size === null) reasons.push(missing(keyword));
    else if (!Number.isInteger(size) || size < 1 || size > 0xffff) reasons.push(invalid(instance, keyword));
    else return size;
    return null;
  });
  const [rows, columns] = sizes;
  if (rows != null && columns != null && Math.min(rows, columns) < MIN_MATRIX) {
    reasons.push({ kind: 'refusal', code: 'too-small', rows, columns });
  }
  // Without these the derived series could not be placed beside its source, nor be a valid CT image.
  const check = (keyword: string, valid: (values: number[]) => boolean) => {
    const values = numbers(instance, keyword);
    if (values.length === 0) reasons.push(missing(keyword));
    else if (!values.every(Number.isFinite) || !valid(values)) reasons.push(invalid(instance, keyword));
  };
  check('PixelSpacing', spacing => spacing.length === 2 && spacing.every(value => value > 0));
  check('ImageOrientationPatient', orientation => sliceNormal(orientation) !== null);
  check('ImagePositionPatient', position => position.length === 3);
  return reasons;
}

/** Known from the server's list (0008,3002) or the file's meta; unknown is not refused, the decoder will tell. */
function refuseTransferSyntax(instance: NaturalizedInstance): Refusal[] {
  const known = transferSyntaxes(instance);
  if (known.length === 0 || known.some(uid => DECODABLE_TRANSFER_SYNTAXES.has(uid))) return [];
  return [{ kind: 'refusal', code: 'undecodable', transferSyntaxUid: known[0]! }];
}

function transferSyntaxes(instance: NaturalizedInstance): string[] {
  return ['AvailableTransferSyntaxUID', 'TransferSyntaxUID']
    .flatMap(keyword => texts(instance, keyword))
    .filter(uid => uid !== '');
}

function warn(instance: NaturalizedInstance, domain: ModelDomain | null): Warning[] {
  const warnings: Warning[] = domain ? judgeDomain(instance, domain) : [];
  const transferSyntax = transferSyntaxes(instance).find(uid => uid in LOSSY_TRANSFER_SYNTAXES);
  if (text(instance, 'LossyImageCompression') === '01' || transferSyntax) {
    const method = texts(instance, 'LossyImageCompressionMethod').filter(Boolean).join('\\');
    const named = method || (transferSyntax ? LOSSY_TRANSFER_SYNTAXES[transferSyntax]! : '');
    warnings.push({ kind: 'warning', code: 'lossy-source', method: named });
  }
  const imageType = texts(instance, 'ImageType');
  if (imageType.length === 0) warnings.push({ kind: 'warning', code: 'image-type-missing' });
  else if (imageType[0]!.toUpperCase() === 'DERIVED') {
    warnings.push({ kind: 'warning', code: 'derived-source', imageType: imageType.join('\\') });
  }
  return warnings;
}

/** What a model of slabs has to say about how the slices lie. */
function* judgeNeighbours(
  instances: readonly NaturalizedInstance[],
  slab: ModelSlab,
): Generator<Refusal | Warning> {
  const runs = neighbourRuns(instances);
  if (runs.length > 1) yield { kind: 'warning', code: 'slices-interrupted', parts: runs.length };
  for (const run of runs.filter(each => isBeyond(each, slab))) {
    const spacingMm = Math.round(run.spacingMm! * 100) / 100;
    if (slab.beyondSpacing === 'refuse') yield { kind: 'refusal', code: 'spacing-outside-model', spacingMm };
    else {
      const neighbours = slab.beyondSpacing === 'warn' ? 'used' : 'not used';
      yield { kind: 'warning', code: 'spacing-outside-domain', spacingMm, neighbours };
    }
  }
}

/** Attributes in which an instance differs from the first. Spacing along z may vary: the models see one slice at a time. */
function* mixed(first: NaturalizedInstance, instances: readonly NaturalizedInstance[]): Generator<string> {
  const same: Record<string, (other: NaturalizedInstance) => boolean> = {};
  // Not Frame of Reference UID: de-identified archives (LIDC-IDRI) give each slice its own, the derived slices keep them, and a 2D model
  // asks for none.
  for (const keyword of ['SeriesInstanceUID', 'Rows', 'Columns']) {
    const value = text(first, keyword);
    same[keyword] = other => text(other, keyword) === value;
  }
  const close = (keyword: string, tolerance: number) => {
    const values = numbers(first, keyword);
    same[keyword] = other =>
      numbers(other, keyword).every((value, i) => Math.abs(value - values[i]!) <= tolerance);
  };
  close('PixelSpacing', 1e-4);
  close('ImageOrientationPatient', COSINE_TOLERANCE);
  for (const [keyword, isSame] of Object.entries(same)) {
    if (!instances.every(isSame)) yield keyword;
  }
}

/** Each notice once, in the order found. */
class Notices<T extends object> {
  readonly list: T[] = [];
  readonly #seen = new Set<string>();
  add(notice: T): void {
    const key = JSON.stringify(notice);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push(notice);
  }
}
