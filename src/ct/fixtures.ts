import type { NaturalizedInstance } from './types';

/** An original CT slice as dcmjs naturalises it, for the tests of this project; `changes` replace or remove (undefined) attributes. */
export function ctInstance(changes: Record<string, unknown> = {}, number = 1): NaturalizedInstance {
  const instance: Record<string, unknown> = {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    SOPInstanceUID: `1.2.3.4.${number}`,
    SeriesInstanceUID: '1.2.3.4',
    StudyInstanceUID: '1.2.3',
    FrameOfReferenceUID: '1.2.5',
    Modality: 'CT',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    InstanceNumber: number,
    Rows: 512,
    Columns: 512,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleSlope: 1,
    RescaleIntercept: -1024,
    PixelSpacing: [0.7, 0.7],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    ImagePositionPatient: [-180, -180, 5 * number],
    SliceThickness: 5,
    ConvolutionKernel: 'B30f',
    BodyPartExamined: 'CHEST',
    KVP: 120,
    PatientAge: '060Y',
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(instance).filter(([, value]) => value !== undefined),
  ) as NaturalizedInstance;
}
