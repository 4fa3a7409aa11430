import type * as core from '@cornerstonejs/core';
import { modalityOf, sliceFromHu, sliceFromStored, sortAlongNormal } from '../src/ct';
import { hasInt16Hu } from '../src/denoise';
import type { CtSeries, CtSlice, SliceHu, StoredPixels } from '../src/ct';
import { DenoiseError } from '../src/notices';
import type { FileHeaders } from './files';
import type { DataSource, DisplaySet, OhifInstance } from './ohif';

export interface OhifSlice extends CtSlice {
  readonly instance: OhifInstance;
  readonly imageId: string;
  /** The whole file, where the image id holds its address; null elsewhere, and where it cannot be had. */
  file(): Promise<Uint8Array | null>;
}

export interface OhifSeries extends CtSeries {
  readonly displaySet: DisplaySet;
  readonly slices: readonly OhifSlice[];
}

/** The single-frame images of a display set; empty for display sets of another kind. */
export function instancesOf(displaySet: DisplaySet | undefined): readonly OhifInstance[] {
  return displaySet?.instances ?? displaySet?.images ?? [];
}

/**
 * A display set as the core sees it. Pixels come from the viewer's own image cache, so nothing is fetched or decoded twice.
 * @param files what the files say, where the data source's list may say something else; absent: the list's word is taken
 */
export function ohifSeries(
  displaySet: DisplaySet,
  dataSource: DataSource,
  cornerstone: typeof core,
  files?: FileHeaders,
): OhifSeries {
  const instances = instancesOf(displaySet);
  const imageIds = displaySet.imageIds ?? dataSource.getImageIdsForDisplaySet(displaySet);
  const byUid = new Map<string, OhifSlice>();
  instances.forEach((listed, index) => {
    const instance = files?.of(listed) ?? listed;
    const imageId = listed.imageId ?? imageIds[index];
    if (imageId === undefined) return;
    byUid.set(instance.SOPInstanceUID, {
      instance,
      imageId,
      loadHu: signal => loadHu(cornerstone, imageId, instance, signal),
      file: async () => (await files?.fetchFile(imageId)) ?? null,
    });
  });
  const sorted = sortAlongNormal([...byUid.values()], slice => slice.instance);
  return {
    studyInstanceUid: displaySet.StudyInstanceUID,
    seriesInstanceUid: displaySet.SeriesInstanceUID,
    displaySet,
    slices: sorted,
  };
}

/** Do 16 bits hold all HU of these files? @throws DenoiseError as `modalityOf` */
export function seriesHasInt16Hu({ slices }: OhifSeries): boolean {
  return slices.every(({ instance }) => hasInt16Hu(modalityOf(instance)));
}

async function loadHu(
  cornerstone: typeof core,
  imageId: string,
  instance: OhifInstance,
  signal?: AbortSignal,
): Promise<SliceHu> {
  let image: core.Types.IImage;
  try {
    image = await cornerstone.imageLoader.loadAndCacheImage(imageId, {
      priority: 5,
      requestType: 'interaction',
    });
  } catch (cause) {
    const sopInstanceUid = instance.SOPInstanceUID;
    throw new DenoiseError(
      { kind: 'fault', code: 'source-unavailable', sopInstanceUid, ...whyNotLoaded(cause) },
      { cause },
    );
  }
  signal?.throwIfAborted();
  const pixels = image.getPixelData();
  // `scaled` says that slope and intercept are already in the pixels; `image.slope` and `intercept` keep their values all the same.
  if (!image.preScale?.scaled) return sliceFromStored(pixels as StoredPixels, instance);
  const { rescaleSlope = null, rescaleIntercept = null } = image.preScale.scalingParameters ?? {};
  const { slope, intercept } = modalityOf(instance);
  if ((rescaleSlope ?? slope) === slope && (rescaleIntercept ?? intercept) === intercept)
    return sliceFromHu(pixels, instance);
  // The viewer scaled by its list, and the file says something else: back to the stored values by the list's word, to HU by the file's.
  const listed = {
    ...instance,
    RescaleSlope: rescaleSlope ?? slope,
    RescaleIntercept: rescaleIntercept ?? intercept,
  };
  return sliceFromStored(sliceFromHu(pixels, listed).stored, instance);
}

/** What Cornerstone's loader rejects with: an XMLHttpRequest, an error around one, an error of a decoder, or nothing when no answer came. */
function whyNotLoaded(cause: unknown): { status: number } | { detail: string } {
  let inner: unknown = cause;
  while (typeof inner === 'object' && inner !== null && !('status' in inner) && 'error' in inner)
    inner = inner.error;
  const request = typeof inner === 'object' && inner !== null && 'request' in inner ? inner.request : inner;
  const status =
    typeof request === 'object' && request !== null && 'status' in request ? request.status : undefined;
  if (typeof status === 'number') return { status };
  if (inner === undefined || inner === null || inner instanceof TypeError) return { status: 0 };
  return { detail: inner instanceof Error ? inner.message : String(inner) };
}
