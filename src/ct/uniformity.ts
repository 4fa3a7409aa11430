import type { Warning } from '../notices';
import { number, numbers, secondsOfDay, text, texts } from './attributes';
import { normalizeKernel } from './domain';
import { sliceNormal, sortAlongNormal } from './geometry';
import type { NaturalizedInstance } from './types';

type Mixture = Extract<Warning, { code: 'series-mixed' }>['what'];

/** Closer slices are at one position: positions are written rounded. */
const SAME_POSITION_MM = 0.05;
/** No scan pauses as long between two slices. */
const LONGEST_PAUSE_SECONDS = 30;
const DAY_SECONDS = 86_400;
/** Values named in a warning, which stands in the derivation of every slice. */
const NAMED = 4;

/** What a series should have in common and does not: two reconstructions, phases or acquisitions under one UID, repeated positions, and pixels that are not square. One warning each (gaps: `gapsOf`). */
export function* judgeUniformity(instances: readonly NaturalizedInstance[]): Generator<Warning> {
  yield* mixtures(instances);
  const positions = sortedPositions(instances);
  const steps = positions.slice(1).map((position, i) => position - positions[i]!);
  const repeated = steps.filter(step => step <= SAME_POSITION_MM).length;
  if (repeated > 0) yield { kind: 'warning', code: 'positions-repeated', slices: repeated };
  for (const instance of instances) {
    const [row, column] = numbers(instance, 'PixelSpacing');
    if (row! > 0 && column! > 0 && Math.abs(row! - column!) > 0.01 * Math.min(row!, column!)) {
      yield { kind: 'warning', code: 'pixels-not-square', rowMm: rounded(row!), columnMm: rounded(column!) };
      break;
    }
  }
}

function* mixtures(instances: readonly NaturalizedInstance[]): Generator<Warning> {
  for (const [what, valueOf] of Object.entries(VALUES) as [Mixture, ValueOf][]) {
    const values = distinct(instances.map(valueOf));
    if (values.length > 1) yield mixed(what, values);
  }
  const acquisitions = distinct(instances.map(acquisitionOf));
  // A number for each slice is a count of slices, not of acquisitions.
  const told = acquisitions.length < instances.length ? acquisitions : [];
  if ((told.length > 1 && !isStepAndShoot(instances, told)) || pauses(instances))
    yield mixed('acquisitions', told.length > 1 ? told : []);
}

type ValueOf = (instance: NaturalizedInstance) => string;

/** A value for each instance that is the same in one reconstruction of one phase. */
const VALUES: Readonly<Partial<Record<Mixture, ValueOf>>> = {
  kernels: instance => {
    const [kernel = '', ...others] = texts(instance, 'ConvolutionKernel');
    return [normalizeKernel(kernel), ...others].join('/');
  },
  'slice thicknesses': instance => decimal(number(instance, 'SliceThickness'), 0.1, 'mm'),
  'tube voltages': instance => decimal(number(instance, 'KVP'), 1, 'kV'),
  phases: instance =>
    [
      'TemporalPositionIdentifier',
      'TemporalPositionIndex',
      'NominalPercentageOfCardiacPhase',
      'NominalPercentageOfRespiratoryPhase',
      'ContrastBolusAgent',
    ]
      .map(keyword => text(instance, keyword))
      .filter(Boolean)
      .join(' '),
  'image types': instance => texts(instance, 'ImageType').join('/').toUpperCase(),
  scanners: instance =>
    ['Manufacturer', 'ManufacturerModelName']
      .map(keyword => text(instance, keyword))
      .join(' ')
      .trim(),
};

function acquisitionOf(instance: NaturalizedInstance): string {
  return text(instance, 'AcquisitionNumber') || text(instance, 'IrradiationEventUID');
}

function decimal(value: number | null, step: number, unit: string): string {
  if (value === null || !Number.isFinite(value)) return '';
  return `${Math.round(Math.round(value / step) * step * 10) / 10} ${unit}`;
}

/**
 * A scan of one rotation after another numbers each rotation: many acquisitions of few slices that lie side by side. Two or three, or acquisitions over the same positions,
 * are no such scan.
 */
function isStepAndShoot(instances: readonly NaturalizedInstance[], acquisitions: readonly string[]): boolean {
  if (acquisitions.length < 4) return false;
  const sorted = sortAlongNormal(instances, instance => instance).map(acquisitionOf);
  const changes = sorted.slice(1).filter((acquisition, i) => acquisition !== sorted[i]).length;
  return changes === acquisitions.length - 1;
}

/** Two acquisitions that no number tells apart: the scanner waited between them. */
function pauses(instances: readonly NaturalizedInstance[]): boolean {
  const times = instances.flatMap(instance => secondsOfDay(instance) ?? []).sort((a, b) => a - b);
  // Past midnight the clock starts again.
  return times.slice(1).some((time, i) => {
    const pause = time - times[i]!;
    return pause > LONGEST_PAUSE_SECONDS && pause < DAY_SECONDS / 2;
  });
}

/** Along the normal, mm, lowest first; none when an instance has no place. */
function sortedPositions(instances: readonly NaturalizedInstance[]): number[] {
  const normal = sliceNormal(numbers(instances[0]!, 'ImageOrientationPatient'));
  if (!normal) return [];
  const positions = instances.map(instance => {
    const position = numbers(instance, 'ImagePositionPatient');
    return position.length === 3
      ? position.reduce((sum, value, axis) => sum + value * normal[axis]!, 0)
      : NaN;
  });
  return positions.every(Number.isFinite) ? positions.sort((a, b) => a - b) : [];
}

function mixed(what: Mixture, values: readonly string[]): Warning {
  const named = values.slice(0, NAMED).map(value => value.slice(0, 40) || 'none stated');
  const more = values.length > NAMED ? [`${values.length - NAMED} more`] : [];
  return { kind: 'warning', code: 'series-mixed', what, values: [...named, ...more].join(', ') };
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();

const rounded = (mm: number): number => Math.round(mm * 1000) / 1000;
