import type { Types } from '@cornerstonejs/tools';
import { DenoiseError, describe, type Refusal } from '../../src/notices';
import type { CornerstoneLibraries, DataSource } from '../ohif';

/**
 * The pixels of live images were painted at another strength: forgets the statistics that OHIF's tools have kept of them. A tool computes its
 * statistics anew when its annotation is drawn; until then the measurement shows none, rather than those of another strength.
 * @param isLive is this the id of a live image?
 */
export function forgetStatistics(
  { cornerstone, cornerstoneTools }: CornerstoneLibraries,
  isLive: (imageId: string) => boolean,
): void {
  const { ANNOTATION_MODIFIED } = cornerstoneTools.Enums.Events;
  const liveVolumes = cornerstone.cache
    .getVolumes()
    .filter(({ imageIds }) => imageIds?.some(isLive))
    .map(({ volumeId }) => volumeId);
  // A target is "imageId:<id>" or "volumeId:<id>?<view>".
  const isLiveTarget = (target: string) =>
    isLive(target.replace(/^imageId:/, '')) || liveVolumes.some(id => target.includes(id));
  for (const annotation of cornerstoneTools.annotation.state.getAllAnnotations()) {
    const statistics = (annotation as Types.Annotation).data.cachedStats as
      Record<string, unknown> | undefined;
    const stale = Object.keys(statistics ?? {}).filter(isLiveTarget);
    if (stale.length === 0) continue;
    for (const target of stale) delete statistics![target];
    annotation.invalidated = true;
    cornerstone.triggerEvent(cornerstone.eventTarget, ANNOTATION_MODIFIED, { annotation });
  }
}

const UNSTORED: Refusal = { kind: 'refusal', code: 'measured-live' };

/**
 * Keeps reports that refer to live instances out of the archive: live instances are never stored, so the report would refer to nothing. OHIF
 * shows the reason.
 */
export function holdBackReports(
  dataSources: readonly DataSource[],
  live: { sopInstanceUids(): Iterable<string> },
): { restore(): void } {
  const undo = dataSources.map(({ store }) => {
    if (!store) return () => undefined;
    const dicom = store.dicom;
    store.dicom = async (dataset, ...others) => {
      const text =
        ArrayBuffer.isView(dataset) || dataset instanceof ArrayBuffer ? '' : JSON.stringify(dataset);
      for (const uid of live.sopInstanceUids()) {
        if (!text.includes(`"${uid}"`)) continue;
        const { happened, todo } = describe(UNSTORED);
        // OHIF shows the message of an error as it is.
        throw new Error(`${happened} ${todo}`, { cause: new DenoiseError(UNSTORED) });
      }
      return dicom.call(store, dataset, ...others);
    };
    return () => {
      store.dicom = dicom;
    };
  });
  return { restore: () => undo.forEach(act => act()) };
}
