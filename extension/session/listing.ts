import { isIsclDerived, storedSettings } from '../../src/ct';
import type { PixelSource } from '../derived/pixel-source';
import { labelThumbnail, paintThumbnail } from '../derived/thumbnail';
import type { DerivedSeries } from '../derived/series';
import { IMAGE_SCHEME } from '../id';
import type { DataSource, DisplaySet, DisplaySetService, Services } from '../ohif';
import { instancesOf } from '../source';
import { tellUser } from '../tell';

/** Makes OHIF list a live series, with a thumbnail once a slice is denoised; gives the display set's UID. */
export function listLive(
  displaySetService: DisplaySetService,
  series: DerivedSeries,
  pixels: PixelSource,
): string {
  const middle = series.slices[Math.floor(series.slices.length / 2)]!.source.instance.SOPInstanceUID;
  const [displaySet] =
    displaySetService.makeDisplaySets(
      series.slices.map(slice => slice.instance),
      {
        madeInClient: true,
        // The data source would ask the server for a picture of a series it does not have.
        settings: { getThumbnailSrc: () => paintThumbnail(pixels, series, middle) },
      },
    ) ?? [];
  if (!displaySet) throw new Error('OHIF made no display set of the derived series');
  return displaySet.displaySetInstanceUID;
}

export function unlistLive(
  { displaySetService, cornerstoneCacheService }: Services,
  displaySetUid: string,
): void {
  if (displaySetService.getDisplaySetByUID(displaySetUid)) displaySetService.deleteDisplaySet(displaySetUid);
  cornerstoneCacheService?.stackImageIds?.delete(displaySetUid);
}

/** Is this a stored series of ours? */
export function isStored({ instances: [first] = [] }: DisplaySet): boolean {
  return first !== undefined && isIsclDerived(first) && !first.imageId?.startsWith(`${IMAGE_SCHEME}:`);
}

/** A stored series of ours gets the warning on its thumbnail that the live one has: under it only the start of the original's name is read. */
export function markStored(displaySet: DisplaySet): void {
  const { getThumbnailSrc } = displaySet;
  if (!getThumbnailSrc || !isStored(displaySet)) return;
  displaySet.getThumbnailSrc = async options => {
    const url = await getThumbnailSrc(options);
    return url ? labelThumbnail(url, storedSettings(instancesOf(displaySet)[0]!).strength) : url;
  };
}

/** Asks the data source for series that were just stored, so that they are listed beside the live ones. A failure is told to the user. */
export async function listStored(
  services: Services,
  dataSource: DataSource,
  studyInstanceUid: string,
  seriesInstanceUids: readonly string[],
): Promise<void> {
  // OHIF 3.13 keeps study metadata under "<data source>:<study>" but forgets it under "<study>". Forgotten before, to ask anew, and
  // after, or later questions about the study would be answered with this one series.
  const forget = () => {
    for (const key of [studyInstanceUid, `${dataSource.getConfig?.().name}:${studyInstanceUid}`]) {
      dataSource.deleteStudyMetadataPromise?.(key);
    }
  };
  for (const uid of seriesInstanceUids) {
    if (services.displaySetService.getDisplaySetsForSeries(uid).length > 0) continue;
    forget();
    try {
      await dataSource.retrieve.series.metadata({
        StudyInstanceUID: studyInstanceUid,
        filters: { seriesInstanceUID: [uid] },
        madeInClient: true,
      });
    } catch (error) {
      tellUser(services, error);
    }
    forget();
  }
}
