import type { NaturalizedInstance } from '../src/ct';

/** One series as it lies somewhere; pixels are read instance by instance. */
export interface SourceSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly instances: readonly SourceInstance[];
}

export interface SourceInstance {
  readonly instance: NaturalizedInstance;
  /** Part 10 bytes, the same each time. @throws DenoiseError `source-unavailable`, `source-changed` */
  read(signal?: AbortSignal): Promise<Uint8Array>;
}

export interface Listing {
  readonly series: readonly SourceSeries[];
  /** DICOM files that cannot be read, or not beside the others (`conflict`): a series may lack a slice because of them. */
  readonly unreadable: readonly { readonly file: string; readonly what: string; readonly conflict?: true }[];
  /** Files that are plainly no DICOM images, and copies. */
  readonly ignored: readonly { readonly file: string; readonly what: string }[];
}

/** The source as a whole cannot be read. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** Instances by series, in the order they came. */
export function groupBySeries(instances: readonly SourceInstance[]): SourceSeries[] {
  const groups = new Map<string, SourceInstance[]>();
  for (const each of instances) {
    const { StudyInstanceUID, SeriesInstanceUID } = each.instance;
    const key = `${StudyInstanceUID}\n${SeriesInstanceUID}`;
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return [...groups.values()].map(group => ({
    studyInstanceUid: group[0]!.instance.StudyInstanceUID,
    seriesInstanceUid: group[0]!.instance.SeriesInstanceUID,
    instances: group,
  }));
}
