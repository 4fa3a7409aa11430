import type { Warning } from '../notices';
import { numbers } from './attributes';
import type { CtSlice, ModelDomain, NaturalizedInstance, SliceHu } from './types';

/** Side of the cells in which the body is looked at, mm, as nearly as whole pixels allow: coarse enough to be free of noise. */
const CELL_MM = 3;
const AIR_HU = -1000;
/** Lung is above, air of a noisy scanner below. */
const EDGE_HU = -900;
const SOLID_HU = -400;
/** Compact bone averaged over a cell; vessels with contrast stay below. */
const BONE_HU = 250;
/** How deep under the skin the skull lies at most, in diameters of the head. */
const SHELL = 0.15;
const DIRECTIONS = 72;
/**
 * Adult trunks of ../shared/data are 214 to 374 mm across and have bone in at most 54 % of the directions; its head is 144 mm, with bone in 78 %. Of large adults, up to
 * 64 % of the edge of the field is not air.
 */
const SMALLEST_TRUNK_MM = 200;
const BONE_AROUND = 0.65;
const CUT_OFF = 0.8;

/** What lies in a field: figures that tell the trunk of an adult from a head, a child and a body that is cut off. */
export interface FieldFigures {
  /** Diameter of the disc that has the area of the body's cross-section (effective diameter, AAPM report 204), mm; 0 without a body. */
  readonly diameterMm: number;
  /** Share of the directions from the middle of the body in which bone lies under the skin, at most 0.15 diameters deep. */
  readonly boneAround: number;
  /** Share of the edge of the reconstructed field that is not air. */
  readonly cutOff: number;
}

/**
 * What the images themselves say of a model's domain, by three slices of the series: header or no header, a head is no trunk.
 * @param slices sorted along the normal; those that cannot be read tell nothing here, but where they are needed
 * @throws the signal's reason
 */
export async function judgeField(
  slices: readonly CtSlice[],
  domain: ModelDomain,
  signal?: AbortSignal,
): Promise<Warning[]> {
  const figures: FieldFigures[] = [];
  for (const index of fieldSamples(slices.length)) {
    const { instance } = slices[index]!;
    const slice = await slices[index]!.loadHu(signal).catch(() => null);
    signal?.throwIfAborted();
    if (slice) figures.push(fieldFigures(slice, instance));
  }
  return figures.length > 0 ? warningsOf(figures, domain) : [];
}

/** Indices of the slices that are looked at: at a quarter, the half and three quarters of the series. */
export function fieldSamples(length: number): number[] {
  return [...new Set([1, 2, 3].map(quarter => Math.floor((quarter * length) / 4)))].filter(
    index => index < length,
  );
}

function warningsOf(figures: readonly FieldFigures[], domain: ModelDomain): Warning[] {
  const middle = (key: keyof FieldFigures) =>
    figures.map(each => each[key]).sort((a, b) => a - b)[figures.length >> 1]!;
  const cutOff = middle('cutOff');
  // Of a body that is cut off, size and outline tell nothing.
  if (cutOff >= CUT_OFF)
    return [{ kind: 'warning', code: 'cut-off-outside-domain', percent: Math.round(100 * cutOff) }];
  const diameterMm = Math.round(middle('diameterMm'));
  if (diameterMm === 0 || diameterMm >= SMALLEST_TRUNK_MM) return [];
  const allowed = domain.bodyParts.map(part => part.toUpperCase());
  if (middle('boneAround') >= BONE_AROUND)
    return allowed.includes('HEAD') ? [] : [{ kind: 'warning', code: 'head-outside-domain', diameterMm }];
  return [{ kind: 'warning', code: 'small-body-outside-domain', diameterMm }];
}

export function fieldFigures(slice: SliceHu, instance: NaturalizedInstance): FieldFigures {
  const grid = cellsOf(slice, numbers(instance, 'PixelSpacing')[0]!);
  const { hu, field, rows, columns, mm } = grid;
  const solid = opened(
    Uint8Array.from(hu, value => Number(value > SOLID_HU)),
    rows,
    columns,
  );
  const body = filled(largest(solid, columns), rows, columns);
  const area = body.reduce((sum, value) => sum + value, 0);
  let core = body;
  const diameterMm = 2 * Math.sqrt((area * mm * mm) / Math.PI);
  for (let depth = 0; depth < (SHELL * diameterMm) / mm; depth++) core = eroded(core, rows, columns);
  const [middleRow, middleColumn] = middleOf(body, columns);
  const directions = new Set<number>();
  body.forEach((inside, i) => {
    if (inside === 0 || core[i] === 1 || hu[i]! <= BONE_HU) return;
    const angle = Math.atan2(Math.floor(i / columns) - middleRow, (i % columns) - middleColumn);
    directions.add(Math.floor(((angle + Math.PI) / (2 * Math.PI)) * DIRECTIONS) % DIRECTIONS);
  });
  const inner = eroded(field, rows, columns);
  const edge = [...field.keys()].filter(i => field[i] === 1 && inner[i] === 0);
  return {
    diameterMm,
    boneAround: directions.size / DIRECTIONS,
    cutOff: edge.length === 0 ? 0 : edge.filter(i => hu[i]! > EDGE_HU).length / edge.length,
  };
}

interface Cells {
  readonly rows: number;
  readonly columns: number;
  /** Side of a cell. */
  readonly mm: number;
  /** Mean of a cell, padding as air. */
  readonly hu: Float32Array;
  /** 1 where most of a cell was reconstructed. */
  readonly field: Uint8Array;
}

function cellsOf(slice: SliceHu, spacingMm: number): Cells {
  const side = Math.max(1, Math.round(CELL_MM / spacingMm));
  const rows = Math.max(1, Math.floor(slice.rows / side));
  const columns = Math.max(1, Math.floor(slice.columns / side));
  const sum = new Float32Array(rows * columns);
  const padded = new Float32Array(rows * columns);
  for (let y = 0; y < Math.min(slice.rows, rows * side); y++) {
    for (let x = 0; x < Math.min(slice.columns, columns * side); x++) {
      const i = y * slice.columns + x;
      const cell = Math.floor(y / side) * columns + Math.floor(x / side);
      const isPadding = slice.padding?.[i] === 1;
      sum[cell]! += isPadding ? AIR_HU : slice.hu[i]!;
      if (isPadding) padded[cell]! += 1;
    }
  }
  return {
    rows,
    columns,
    mm: side * spacingMm,
    hu: sum.map(value => value / (side * side)),
    field: Uint8Array.from(padded, count => Number(2 * count <= side * side)),
  };
}

/** 1 where all of the 3 x 3 cells are; beyond the grid is `beyond`. */
function eroded(mask: Uint8Array, rows: number, columns: number, beyond: 0 | 1 = 0): Uint8Array {
  const across = mask.map((value, i) => {
    const x = i % columns;
    return value & (x > 0 ? mask[i - 1]! : beyond) & (x < columns - 1 ? mask[i + 1]! : beyond);
  });
  return across.map((value, i) => {
    const y = Math.floor(i / columns);
    return value & (y > 0 ? across[i - columns]! : beyond) & (y < rows - 1 ? across[i + columns]! : beyond);
  });
}

/** Without what is thinner than 3 cells. A body that is cut off at the edge goes on beyond. */
function opened(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  const rest = eroded(mask, rows, columns, 1).map(value => 1 - value);
  return eroded(rest, rows, columns, 1).map(value => 1 - value);
}

/** The largest region of ones; the table and clothes are others. */
function largest(mask: Uint8Array, columns: number): Uint8Array {
  let best: number[] = [];
  const left = mask.slice();
  for (let start = 0; start < left.length; start++) {
    if (left[start] !== 1) continue;
    const region = flood(left, [start], columns);
    if (region.length > best.length) best = region;
  }
  const found = new Uint8Array(mask.length);
  for (const i of best) found[i] = 1;
  return found;
}

/** With what the ones enclose, such as lungs. */
function filled(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  const outside = mask.map(value => 1 - value);
  const border = [...outside.keys()].filter(i => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return x === 0 || x === columns - 1 || y === 0 || y === rows - 1;
  });
  flood(outside, border, columns);
  return mask.map((value, i) => (value === 1 || outside[i] === 1 ? 1 : 0));
}

/** The ones that are joined to `starts` by the sides of cells; they become zeros. */
function flood(mask: Uint8Array, starts: readonly number[], columns: number): number[] {
  const region = starts.filter(i => mask[i] === 1);
  for (const i of region) mask[i] = 0;
  for (let at = 0; at < region.length; at++) {
    const i = region[at]!;
    const x = i % columns;
    const sides = [x > 0 ? i - 1 : -1, x < columns - 1 ? i + 1 : -1, i - columns, i + columns];
    for (const next of sides) {
      if (next < 0 || next >= mask.length || mask[next] !== 1) continue;
      mask[next] = 0;
      region.push(next);
    }
  }
  return region;
}

function middleOf(mask: Uint8Array, columns: number): [row: number, column: number] {
  let [rows, across, count] = [0, 0, 0];
  mask.forEach((value, i) => {
    rows += value * Math.floor(i / columns);
    across += value * (i % columns);
    count += value;
  });
  return [rows / count, across / count];
}
