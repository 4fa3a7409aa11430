import type { Warning } from '../notices';
import { number, text, texts } from './attributes';
import type { DomainQuestion, ModelDomain, NaturalizedInstance } from './types';

/**
 * One form for the ways a kernel is written: case and spaces dropped; Siemens' scanner prefix ("59 .21.B50s") and scan-mode suffix
 * (B50s, B50f: the same kernel) removed. Qr40d keeps its letter: it is another kernel.
 */
export function normalizeKernel(kernel: string): string {
  const compact = kernel
    .toUpperCase()
    .replace(/^.*\.(?=[A-Z])/, '')
    .replace(/\s+/g, '');
  return compact.replace(/^([A-Z]{1,2}\d{2})[FHS]$/, '$1');
}

type KernelClass = 'soft' | 'standard' | 'sharp';

/** Names without a number, of GE and Philips. */
const NAMED_KERNELS: Readonly<Record<string, KernelClass>> = {
  SOFT: 'soft',
  A: 'soft',
  UA: 'soft',
  STANDARD: 'standard',
  STND: 'standard',
  CHST: 'standard',
  DETAIL: 'standard',
  B: 'standard',
  UB: 'standard',
  C: 'sharp',
  UC: 'sharp',
  D: 'sharp',
  E: 'sharp',
  L: 'sharp',
  YA: 'sharp',
  YB: 'sharp',
  YC: 'sharp',
  YD: 'sharp',
  LUNG: 'sharp',
  BONE: 'sharp',
  BONEPLUS: 'sharp',
  EDGE: 'sharp',
  ULTRA: 'sharp',
};

/**
 * Soft, standard or sharp by the makers' naming; null for a name not known. Siemens: the number rises with sharpness (B10 to B80,
 * Br36, I31). Canon: FC01 to FC29 for soft tissue of body and head, the higher of each ten being sharper, from FC30 bone and lung.
 */
export function kernelClass(kernel: string): KernelClass | null {
  const name = normalizeKernel(kernel);
  const named = NAMED_KERNELS[name];
  if (named) return named;
  const canon = /^FC(\d{2})$/.exec(name);
  if (canon) {
    const number = Number(canon[1]);
    return number >= 30 ? 'sharp' : number % 10 <= 2 ? 'soft' : number % 10 <= 5 ? 'standard' : 'sharp';
  }
  const siemens = /^[A-Z]{1,2}(\d{2})[A-Z]?$/.exec(name);
  if (!siemens) return null;
  const number = Number(siemens[1]);
  return number <= 36 ? 'soft' : number < 50 ? 'standard' : 'sharp';
}

/** Does one entry of a model card name this kernel? A class ("soft"), a name, or a beginning: "B3*" is B30, B31 and so on. */
function sameKernel(kernel: string, entry: string): boolean {
  if (entry === 'soft' || entry === 'standard' || entry === 'sharp') return kernelClass(kernel) === entry;
  const wanted = normalizeKernel(entry);
  return wanted.endsWith('*') ? kernel.startsWith(wanted.slice(0, -1)) : kernel === wanted;
}

/** Regions a Body Part Examined covers; defined terms of PS3.16 Annex L and what is written instead of them. */
const REGIONS: Readonly<Record<string, readonly string[]>> = {
  HEADNECK: ['HEAD', 'NECK'],
  BRAIN: ['HEAD'],
  SKULL: ['HEAD'],
  THORAX: ['CHEST'],
  LUNG: ['CHEST'],
  BREAST: ['CHEST'],
  HEART: ['CHEST'],
  MEDIASTINUM: ['CHEST'],
  LIVER: ['ABDOMEN'],
  PANCREAS: ['ABDOMEN'],
  KIDNEY: ['ABDOMEN'],
  SPLEEN: ['ABDOMEN'],
  STOMACH: ['ABDOMEN'],
  COLON: ['ABDOMEN', 'PELVIS'],
  BLADDER: ['PELVIS'],
  PROSTATE: ['PELVIS'],
  CHESTABDOMEN: ['CHEST', 'ABDOMEN'],
  ABDOMENPELVIS: ['ABDOMEN', 'PELVIS'],
  CHESTABDPELVIS: ['CHEST', 'ABDOMEN', 'PELVIS'],
  NECKCHEST: ['NECK', 'CHEST'],
  NECKCHESTABDOMEN: ['NECK', 'CHEST', 'ABDOMEN'],
  NECKCHESTABDPELV: ['NECK', 'CHEST', 'ABDOMEN', 'PELVIS'],
  WHOLEBODY: ['HEAD', 'NECK', 'CHEST', 'ABDOMEN', 'PELVIS', 'EXTREMITY'],
};
const KNOWN = new Set(['HEAD', 'NECK', 'CHEST', 'ABDOMEN', 'PELVIS', 'EXTREMITY', ...Object.keys(REGIONS)]);

/** "CHEST_TO_PELVIS" and "TH CT CHEST WO C" name regions too; an unknown term is its own region. */
function regionsOf(bodyPart: string): readonly string[] {
  const term = bodyPart.toUpperCase();
  const words = term.split(/[^A-Z]+/).filter(word => KNOWN.has(word));
  const named = KNOWN.has(term) ? [term] : words.length > 0 ? words : [term];
  return [...new Set(named.flatMap(name => REGIONS[name] ?? [name]))];
}

/** Patient's Age (PS3.5 AS: 045Y, 018M, 006W, 010D), else Study Date minus Patient's Birth Date; years, null when unknown. */
export function ageYears(instance: NaturalizedInstance): number | null {
  const age = /^(\d{1,3})([YMWD])$/.exec(text(instance, 'PatientAge').toUpperCase());
  if (age) return Number(age[1]) / { Y: 1, M: 12, W: 52.18, D: 365.25 }[age[2] as 'Y' | 'M' | 'W' | 'D'];
  const birth = dateOf(text(instance, 'PatientBirthDate'));
  const study = dateOf(text(instance, 'StudyDate'));
  if (birth === null || study === null || study < birth) return null;
  return (study - birth) / (365.25 * 86_400_000);
}

function dateOf(value: string): number | null {
  const date = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(value);
  if (!date) return null;
  const time = Date.UTC(Number(date[1]), Number(date[2]) - 1, Number(date[3]));
  return Number.isFinite(time) ? time : null;
}

/** What the files leave open, although the model card asks: de-identification often removes age and body part. Unknown is not within. */
export function unstated(instances: readonly NaturalizedInstance[]): DomainQuestion[] {
  const asked: Record<DomainQuestion, (instance: NaturalizedInstance) => boolean> = {
    'body part': instance => text(instance, 'BodyPartExamined') !== '',
    age: instance => ageYears(instance) !== null,
    kV: instance => (number(instance, 'KVP') ?? 0) > 0,
  };
  return (Object.keys(asked) as DomainQuestion[]).filter(question => !instances.every(asked[question]));
}

/** Of images computed from several energies, in the words of the makers and of PS3.3 C.8.2.1; "monochrome" is no energy. */
const SPECTRAL =
  /\b\d{2,3}[ _]?KEV\b|\bMONO(?!CHROME)[A-Z+_ -]*|\bVMI\b|VIRTUAL[ _-]?(MONO|NON|UNENHANCED)|\bVN[CU]\b|\bVUE\b|IODINE|\bZ_?EFF|EFFECTIVE[ _]?(Z\b|ATOMIC)|ELECTRON[ _]?DENS|\bSPECTRAL\b/;

/**
 * Words that say an image was computed from several energies (virtual monoenergetic at 50 keV, virtual non-contrast, iodine); null for an image of one
 * tube voltage. Its noise, and below 60 keV its HU, are others.
 */
function spectralWords(instance: NaturalizedInstance): string | null {
  const energy = text(instance, 'MonoenergeticEnergyEquivalent');
  if (energy !== '') return `${energy} keV`;
  for (const keyword of ['ImageType', 'SeriesDescription', 'DerivationDescription', 'ProtocolName']) {
    const words = texts(instance, keyword).join(' ');
    const found = SPECTRAL.exec(words.toUpperCase().replace(/_/g, ' '));
    if (found) return words.slice(found.index, found.index + 40).trim();
  }
  return null;
}

/**
 * What of this instance lies outside the model card. What decides the noise (kernel, thickness) must be stated to count as inside; age,
 * kVp and body part are judged only when stated (`unstated` tells the rest).
 */
export function judgeDomain(instance: NaturalizedInstance, domain: ModelDomain): Warning[] {
  const warnings: Warning[] = [];
  // Siemens writes the iterative strength as a second value (Br40d\3), so the first value is the kernel.
  const kernel = texts(instance, 'ConvolutionKernel').join('\\');
  const first = normalizeKernel(text(instance, 'ConvolutionKernel'));
  if (first === '' || !domain.kernels.some(entry => sameKernel(first, entry))) {
    warnings.push({ kind: 'warning', code: 'kernel-outside-domain', kernel });
  }
  const thickness = number(instance, 'SliceThickness');
  const known = thickness !== null && Number.isFinite(thickness) && thickness > 0;
  if (!known || outside(thickness, domain.sliceThicknessMm, 0.01)) {
    warnings.push({
      kind: 'warning',
      code: 'thickness-outside-domain',
      sliceThicknessMm: known ? thickness : null,
    });
  }
  const bodyPart = text(instance, 'BodyPartExamined');
  const allowed = new Set(domain.bodyParts.flatMap(regionsOf));
  if (bodyPart !== '' && !regionsOf(bodyPart).every(region => allowed.has(region))) {
    warnings.push({ kind: 'warning', code: 'body-part-outside-domain', bodyPart });
  }
  const age = ageYears(instance);
  if (age !== null && outside(age, domain.ageYears, 0)) {
    warnings.push({ kind: 'warning', code: 'age-outside-domain', ageYears: Math.round(age * 10) / 10 });
  }
  const kvp = number(instance, 'KVP');
  if (kvp !== null && kvp > 0 && outside(kvp, domain.kVp, 0.5)) {
    warnings.push({ kind: 'warning', code: 'kvp-outside-domain', kvp });
  }
  const spectral = spectralWords(instance);
  if (spectral !== null) {
    warnings.push({ kind: 'warning', code: 'spectral-outside-domain', words: spectral });
  }
  return warnings;
}

/** Slice thickness and kVp are written with rounding (2.999999 mm), hence the tolerance. */
function outside(value: number, [low, high]: readonly [number, number], tolerance: number): boolean {
  return value < low - tolerance || value > high + tolerance;
}
