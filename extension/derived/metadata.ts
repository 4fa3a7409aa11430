import type * as core from '@cornerstonejs/core';
import type { DerivedSlice } from './series';
import { IMAGE_SCHEME } from '../id';

/** Before OHIF's own provider (9999), which would look our ids up among the server's instances. */
const PRIORITY = 20_000;

type Provider = (type: string, ...queries: unknown[]) => unknown;

/**
 * Answers Cornerstone's and OHIF's metadata queries about derived images: geometry is the source's, identity and pixel format are
 * our own.
 */
export function derivedMetadata(
  cornerstone: typeof core,
  sliceOf: (imageId: string) => DerivedSlice | undefined,
): { remove(): void } {
  const provider: Provider = (type, imageId) => {
    if (typeof imageId !== 'string' || !imageId.startsWith(`${IMAGE_SCHEME}:`)) return undefined;
    const slice = sliceOf(imageId);
    if (!slice) return undefined;
    const { instance } = slice;
    const own: Record<string, unknown> = {
      instance,
      modalityLutModule: {
        rescaleSlope: 1,
        rescaleIntercept: 0,
        rescaleType: 'HU',
      },
      transferSyntax: { transferSyntaxUID: '1.2.840.10008.1.2.1' },
      sopCommonModule: { sopClassUID: instance.SOPClassUID, sopInstanceUID: instance.SOPInstanceUID },
    };
    if (type in own) return own[type];
    if (type in instance) return instance[type];
    const source = cornerstone.metaData.get(type, slice.source.imageId);
    switch (type) {
      case 'imagePixelModule':
        return {
          ...source,
          bitsAllocated: instance['BitsAllocated'],
          bitsStored: instance['BitsStored'],
          highBit: instance['HighBit'],
          pixelRepresentation: 1,
          smallestPixelValue: undefined,
          largestPixelValue: undefined,
          pixelPaddingValue: undefined,
        };
      case 'generalSeriesModule':
        return {
          ...source,
          seriesInstanceUID: instance.SeriesInstanceUID,
          seriesNumber: instance['SeriesNumber'],
          seriesDescription: instance['SeriesDescription'],
        };
      case 'generalImageModule':
        return { ...source, sopInstanceUID: instance.SOPInstanceUID };
      case 'voiLutModule':
        return slice.window
          ? { windowCenter: [slice.window.center], windowWidth: [slice.window.width] }
          : source;
      case 'overlayPlaneModule':
      case 'scalingModule':
        return undefined;
      default:
        return source;
    }
  };
  cornerstone.metaData.addProvider(provider, PRIORITY);
  return { remove: () => cornerstone.metaData.removeProvider(provider) };
}
