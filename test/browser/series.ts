import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { part10 } from '../unit/server-fixtures';

/** A made CT series: a body of 40 HU with a bright and a dark insert, in noise that a seed gives. */
export interface SeriesOptions {
  readonly study?: string;
  readonly series?: string;
  readonly slices?: number;
  /** Rows and columns. */
  readonly size?: number;
  readonly seed?: number;
  readonly description?: string;
  readonly number?: number;
  /** The first slice is the uppermost, as scanners mostly number them. */
  readonly downward?: boolean;
  /** Attributes that replace or extend the usual ones, by keyword. */
  readonly with?: Record<string, unknown>;
}

export const STUDY = '2.25.4711';
export const INTERCEPT = -1024;

/** Part 10 files of a series, first slice first. */
export function ctSeries(options: SeriesOptions = {}): Buffer[] {
  const {
    study = STUDY,
    series = '2.25.4712',
    slices = 8,
    size = 64,
    seed = 1,
    number = 1,
    downward,
  } = options;
  const random = generator(seed);
  return Array.from({ length: slices }, (_, slice) => {
    const pixels = new Int16Array(size * size);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const noise = (random() + random() + random() + random() - 2) * 60;
        pixels[y * size + x] = Math.round(anatomy(x / size, y / size, slice / slices) + noise) - INTERCEPT;
      }
    }
    return part10({
      sop: `${series}.${slice + 1}`,
      series,
      study,
      pixels,
      with: {
        StudyDescription: 'Made for tests',
        PatientName: 'TEST^Phantom',
        PatientID: 'TEST-1',
        PatientAge: '060Y',
        SeriesDescription: options.description ?? 'Chest 2 mm',
        SeriesNumber: number,
        ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
        FrameOfReferenceUID: `${study}.9`,
        InstanceNumber: slice + 1,
        ImagePositionPatient: [-100, -100, slice * (downward ? -2 : 2)],
        ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
        SliceThickness: 2,
        Rows: size,
        Columns: size,
        PixelSpacing: [3, 3],
        BodyPartExamined: 'CHEST',
        KVP: 120,
        ConvolutionKernel: 'STANDARD',
        Manufacturer: 'Test',
        RescaleType: 'HU',
        WindowCenter: 40,
        WindowWidth: 400,
        ...options.with,
      },
    });
  });
}

function anatomy(x: number, y: number, z: number): number {
  const inside = (cx: number, cy: number, r: number) => Math.hypot(x - cx, y - cy) < r;
  if (!inside(0.5, 0.5, 0.45)) return -1000;
  if (inside(0.35, 0.5, 0.12)) return 300;
  if (inside(0.65, 0.45 + 0.1 * z, 0.12)) return -700;
  return 40;
}

/** mulberry32: the same noise on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A folder of its own for these files; gives its path. */
export function folderOf(files: readonly Buffer[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'iscl-dicom-'));
  mkdirSync(folder, { recursive: true });
  files.forEach((file, index) => writeFileSync(join(folder, `${index}.dcm`), file));
  return folder;
}
