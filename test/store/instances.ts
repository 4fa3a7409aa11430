import { createHash } from 'node:crypto';
import { DicomDict, DicomMetaDictionary } from './dcmjs';

export const STUDY = '2.25.1001';
export const SERIES = '2.25.2001';
const CT = '1.2.840.10008.5.1.4.1.1.2';

export interface MakeOptions {
  readonly seed?: number;
  /** Rows and columns. */
  readonly size?: number;
  readonly series?: string;
  readonly study?: string;
  /** Stored values, size x size; default a function of `seed`. */
  readonly pixels?: Int16Array;
  /** Set or replaced, by keyword. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface MadeInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly part10: Uint8Array;
  readonly pixelHash: string;
}

/** A small valid CT instance, Explicit VR Little Endian, whose pixels are a function of `seed`. */
export function makeInstance(
  number: number,
  {
    seed = number,
    size = 16,
    series = SERIES,
    study = STUDY,
    attributes = {},
    pixels: given,
  }: MakeOptions = {},
): MadeInstance {
  const sopInstanceUid = `${series}.${number}`;
  const pixels =
    given ?? Int16Array.from({ length: size * size }, (_, i) => ((i * 31 + seed * 97) % 2000) - 1000);
  const meta = {
    FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
    MediaStorageSOPClassUID: CT,
    MediaStorageSOPInstanceUID: sopInstanceUid,
    TransferSyntaxUID: '1.2.840.10008.1.2.1',
    ImplementationClassUID: '2.25.1',
  };
  const dataset = {
    SOPClassUID: CT,
    SOPInstanceUID: sopInstanceUid,
    StudyInstanceUID: study,
    SeriesInstanceUID: series,
    FrameOfReferenceUID: '2.25.3001',
    PatientID: 'TEST',
    PatientName: 'Test^Store',
    StudyID: '1',
    SeriesNumber: 1001,
    InstanceNumber: number,
    Modality: 'CT',
    ImageType: ['DERIVED', 'SECONDARY', 'AXIAL'],
    ImagePositionPatient: [0, 0, number],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1, 1],
    SliceThickness: 1,
    Rows: size,
    Columns: size,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    RescaleIntercept: 0,
    RescaleSlope: 1,
    ...attributes,
    PixelData: [pixels.buffer],
    _vrMap: { PixelData: 'OW' },
  };
  const dict = new DicomDict(DicomMetaDictionary.denaturalizeDataset(meta));
  dict.dict = DicomMetaDictionary.denaturalizeDataset(dataset);
  return {
    sopInstanceUid,
    seriesInstanceUid: series,
    part10: new Uint8Array(dict.write()),
    pixelHash: createHash('sha256').update(pixels).digest('hex'),
  };
}

export function makeSeries(count: number, options: MakeOptions = {}): MadeInstance[] {
  return Array.from({ length: count }, (_, i) => makeInstance(i + 1, options));
}
