import { asciiOf, TAG, type RawDataset } from '../../../src/dicom';
import { INSTANCE_TAGS, isUid, SERIES_TAGS, STUDY_TAGS, type Described, type Instance } from './catalog';
import { pick } from './dicomJson';
import { DicomFileError } from './errors';
import { DEFLATED, type Header } from './header';

/** Reads from a header what the catalog keeps. Throws `DicomFileError` when the file cannot be served. */
export function describe(path: string, header: Omit<Header, 'oddities'>): Described {
  const { dataset, transferSyntaxUid, size, mtimeMs } = header;
  const instance: Instance = {
    studyUid: uidOf(dataset, TAG.StudyInstanceUID, 'Study Instance UID'),
    seriesUid: uidOf(dataset, TAG.SeriesInstanceUID, 'Series Instance UID'),
    sopUid: uidOf(dataset, TAG.SOPInstanceUID, 'SOP Instance UID'),
    sopClassUid: uidOf(dataset, TAG.SOPClassUID, 'SOP Class UID'),
    transferSyntaxUid,
    path,
    size,
    mtimeMs,
    attributes: pick(dataset, INSTANCE_TAGS),
  };
  if (!isUid(transferSyntaxUid))
    throw new DicomFileError(`Transfer Syntax UID "${transferSyntaxUid}" is not a UID`);
  refuseCutPixels(header);
  return { instance, study: pick(dataset, STUDY_TAGS), series: pick(dataset, SERIES_TAGS) };
}

function uidOf(dataset: RawDataset, tag: number, name: string): string {
  const value = asciiOf(dataset, tag);
  if (isUid(value)) return value;
  throw new DicomFileError(value ? `${name} "${value}" is not a UID` : `${name} is missing`);
}

/** A file whose pixel data ends early would show a wrong image; the header alone gives it away when nothing is encapsulated. */
function refuseCutPixels({
  pixelData,
  size,
  transferSyntaxUid,
}: Pick<Header, 'pixelData' | 'size' | 'transferSyntaxUid'>): void {
  if (!pixelData || pixelData.length === null || transferSyntaxUid === DEFLATED) return;
  const missing = pixelData.offset + pixelData.length - size;
  if (missing > 0)
    throw new DicomFileError(`the file is cut off: ${missing} bytes of pixel data are missing`);
}
