import type * as core from '@cornerstonejs/core';
import type { SliceHu } from '../../src/ct';
import { blend, difference } from '../../src/denoise';
import type { ResultSlice } from './pixel-source';
import type { DerivedKind, DerivedSlice } from './series';

export type Pixels = Int16Array | Float32Array;

/** Pixels a derived image shows at `strength`: the blend, or original minus blend (what was taken out). Row-major HU into `out`. */
export function paint(
  out: Pixels,
  kind: DerivedKind,
  source: SliceHu,
  denoised: ResultSlice,
  strength: number,
): void {
  blend(source, denoised.hu, strength, out);
  if (kind === 'denoised') return;
  difference(source, out, out);
  for (let i = 0; i < out.length; i++) out[i] = -out[i]!;
}

/** What an image says of itself beside its pixels. */
export interface ImageModules {
  readonly plane: core.Types.ImagePlaneModule;
  readonly voi: {
    readonly windowCenter?: number[];
    readonly windowWidth?: number[];
    readonly voiLUTFunction?: core.Enums.VOILUTFunctionType;
  };
}

export function imageModules({ metaData }: typeof core, imageId: string): ImageModules {
  return {
    plane: metaData.get('imagePlaneModule', imageId) as core.Types.ImagePlaneModule,
    voi: (metaData.get('voiLutModule', imageId) ?? {}) as ImageModules['voi'],
  };
}

/** The Cornerstone image of one derived slice around `pixels`, which stay ours to rewrite. */
export function derivedImage(
  cornerstone: typeof core,
  { imageId, instance, window }: DerivedSlice,
  { plane, voi }: ImageModules,
  pixels: Pixels,
): core.Types.IImage {
  const [rows, columns] = [Number(instance['Rows']), Number(instance['Columns'])];
  const voxelManager = cornerstone.utilities.VoxelManager.createImageVoxelManager({
    width: columns,
    height: rows,
    numberOfComponents: 1,
    scalarData: pixels,
    id: imageId,
  }) as core.Types.IImage['voxelManager'];
  let minPixelValue = Infinity;
  let maxPixelValue = -Infinity;
  for (const value of pixels) {
    if (value < minPixelValue) minPixelValue = value;
    if (value > maxPixelValue) maxPixelValue = value;
  }
  return {
    imageId,
    minPixelValue,
    maxPixelValue,
    slope: 1,
    intercept: 0,
    windowCenter: window ? [window.center] : (voi.windowCenter ?? [40]),
    windowWidth: window ? [window.width] : (voi.windowWidth ?? [400]),
    voiLUTFunction: voi.voiLUTFunction ?? cornerstone.Enums.VOILUTFunctionType.LINEAR,
    getPixelData: () => pixels,
    getCanvas: () => {
      throw new Error('derived images have no canvas of their own');
    },
    rows,
    columns,
    height: rows,
    width: columns,
    color: false,
    rgba: false,
    numberOfComponents: 1,
    columnPixelSpacing: plane.columnPixelSpacing,
    rowPixelSpacing: plane.rowPixelSpacing,
    sliceThickness: plane.sliceThickness,
    invert: false,
    photometricInterpretation: 'MONOCHROME2',
    sizeInBytes: pixels.byteLength,
    dataType: pixels instanceof Int16Array ? 'Int16Array' : 'Float32Array',
    voxelManager,
    // Cornerstone's progressive loading asks again for anything less, and then reports the image as undecodable.
    imageQualityStatus: cornerstone.Enums.ImageQualityStatus.FULL_RESOLUTION,
    preScale: {
      enabled: true,
      scaled: true,
      scalingParameters: { modality: 'CT', rescaleSlope: 1, rescaleIntercept: 0 },
    },
  } as core.Types.IImage;
}
