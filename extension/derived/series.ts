import { v4 } from 'uuid';
import { PRODUCT } from '../../src/ct';
import { DifferenceWindow } from '../../src/residual';
import type { OhifSeries, OhifSlice } from '../source';
import type { OhifInstance } from '../ohif';
import { DIFFERENCE_LABEL, IMAGE_SCHEME, LABEL } from '../id';

/** What a derived display set shows: the denoised series at the run's strength, or original minus denoised. */
export type DerivedKind = 'denoised' | 'difference';

/** Series numbers of derived series follow the source's by these steps. */
const NUMBER_OFFSET: Readonly<Record<DerivedKind, number>> = { denoised: 1000, difference: 2000 };
const DESCRIPTION: Readonly<Record<DerivedKind, string>> = {
  denoised: LABEL,
  difference: DIFFERENCE_LABEL,
};

export interface DerivedSlice {
  readonly source: OhifSlice;
  readonly imageId: string;
  readonly instance: OhifInstance;
  readonly window: DifferenceWindow | null;
}

/** Identity of a live derived series: instances OHIF can list and image ids our loader answers. Holds no pixels. */
export interface DerivedSeries {
  readonly kind: DerivedKind;
  readonly slices: readonly DerivedSlice[];
  /** Pixels are float32 where 16 bits do not hold the HU of the source. */
  readonly int16Hu: boolean;
  /** Null: the original's. */
  readonly window: DifferenceWindow | null;
}

/** A fresh UID under the UUID root (PS3.5 B.2); a live series is never stored under it. */
const randomUid = (): string => `2.25.${BigInt(`0x${v4().replaceAll('-', '')}`)}`;

/** The tag first, so that it is read where a list cuts long names; at most 64 characters (LO). */
function description(kind: DerivedKind, source: OhifInstance): string {
  const original = typeof source['SeriesDescription'] === 'string' ? source['SeriesDescription'] : '';
  return `${DESCRIPTION[kind]}: ${original}`.slice(0, 64).replace(/: $/, '');
}

export function derivedSeries(source: OhifSeries, kind: DerivedKind, int16Hu: boolean): DerivedSeries {
  const seriesUid = randomUid();
  const window = kind === 'difference' ? new DifferenceWindow() : null;
  const slices = source.slices.map((slice): DerivedSlice => {
    const sopInstanceUid = randomUid();
    const imageId = `${IMAGE_SCHEME}:${kind}/${sopInstanceUid}`;
    const instance = {
      ...slice.instance,
      SOPInstanceUID: sopInstanceUid,
      SeriesInstanceUID: seriesUid,
      SeriesNumber: Number(slice.instance['SeriesNumber'] ?? 0) + NUMBER_OFFSET[kind],
      SeriesDescription: description(kind, slice.instance),
      ImageType: ['DERIVED', 'SECONDARY', 'AXIAL'],
      ContentQualification: 'RESEARCH',
      Manufacturer: PRODUCT.manufacturer,
      ManufacturerModelName: PRODUCT.modelName,
      RescaleSlope: 1,
      RescaleIntercept: 0,
      RescaleType: 'HU',
      BitsAllocated: int16Hu ? 16 : 32,
      BitsStored: int16Hu ? 16 : 32,
      HighBit: int16Hu ? 15 : 31,
      PixelRepresentation: 1,
      PixelPaddingValue: undefined,
    };
    // OHIF takes the image id from `url` and copies instances about: not enumerable, as on OHIF's own instances.
    for (const key of ['url', 'imageId']) {
      Object.defineProperty(instance, key, { value: imageId, writable: true, configurable: true });
    }
    return { source: slice, imageId, instance, window };
  });
  return { kind, slices, int16Hu, window };
}
