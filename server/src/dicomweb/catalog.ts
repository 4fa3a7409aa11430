import type { JsonDataset } from './dicomJson';

/** What QIDO answers with and filters on, by level (PS3.18, tables 10.6.1-5 and 10.6.3-3 to -5, and what OHIF shows). */
export const STUDY_TAGS = [
  '00080020', // StudyDate
  '00080030', // StudyTime
  '00080050', // AccessionNumber
  '00080090', // ReferringPhysicianName
  '00080201', // TimezoneOffsetFromUTC
  '00081030', // StudyDescription
  '00100010', // PatientName
  '00100020', // PatientID
  '00100030', // PatientBirthDate
  '00100040', // PatientSex
  '0020000D', // StudyInstanceUID
  '00200010', // StudyID
] as const;
export const SERIES_TAGS = [
  '00080021', // SeriesDate
  '00080031', // SeriesTime
  '00080060', // Modality
  '00080070', // Manufacturer
  '0008103E', // SeriesDescription
  '00180015', // BodyPartExamined
  '0020000E', // SeriesInstanceUID
  '00200011', // SeriesNumber
  '00400244', // PerformedProcedureStepStartDate
  '00400245', // PerformedProcedureStepStartTime
] as const;
export const INSTANCE_TAGS = [
  '00080008', // ImageType
  '00080016', // SOPClassUID
  '00080018', // SOPInstanceUID
  '00200013', // InstanceNumber
  '00280008', // NumberOfFrames
  '00280010', // Rows
  '00280011', // Columns
  '00280100', // BitsAllocated
] as const;

export interface Instance {
  studyUid: string;
  seriesUid: string;
  sopUid: string;
  sopClassUid: string;
  transferSyntaxUid: string;
  path: string;
  size: number;
  mtimeMs: number;
  attributes: JsonDataset;
}
export interface Series {
  uid: string;
  attributes: JsonDataset;
  instances: Map<string, Instance>;
}
export interface Study {
  uid: string;
  attributes: JsonDataset;
  series: Map<string, Series>;
}
export interface Problem {
  path: string;
  problem: string;
}
export interface Described {
  instance: Instance;
  study: JsonDataset;
  series: JsonDataset;
}

/** PS3.5, 9.1, leniently: real archives hold components with leading zeros. Never a path component such as "..". */
export const isUid = (text: string): boolean => text.length <= 64 && /^\d+(\.\d+)*$/.test(text);

/** What the server has, in memory: studies, their series, their instances, and the files it could not use. */
export class Catalog {
  readonly studies = new Map<string, Study>();
  readonly problems: Problem[] = [];
  private readonly bySop = new Map<string, Instance>();
  private pending: Promise<unknown> = Promise.resolve();

  get size(): number {
    return this.bySop.size;
  }

  /** Adds an instance; a second file with a known SOP Instance UID is not added and false is returned. */
  add({ instance, study, series }: Described): boolean {
    if (this.bySop.has(instance.sopUid)) return false;
    const ofStudy = getOrPut(this.studies, instance.studyUid, () => ({
      uid: instance.studyUid,
      attributes: study,
      series: new Map(),
    }));
    const ofSeries = getOrPut(ofStudy.series, instance.seriesUid, () => ({
      uid: instance.seriesUid,
      attributes: series,
      instances: new Map(),
    }));
    ofSeries.instances.set(instance.sopUid, instance);
    this.bySop.set(instance.sopUid, instance);
    return true;
  }

  find(sopUid: string): Instance | undefined {
    return this.bySop.get(sopUid);
  }

  /** Lets `settled` wait for a scan. */
  during(scan: Promise<unknown>): void {
    this.pending = Promise.all([this.pending, scan]);
  }

  /** Resolves when no scan is running: a series handed out before that could lack slices. */
  async settled(): Promise<void> {
    await this.pending;
  }
}

function getOrPut<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
