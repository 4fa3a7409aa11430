import { PRODUCT } from '../ct';
import { ascii, asciiOf, type RawDataset } from './elements';
import { TAG } from './tags';

/** One concept of a coding scheme (PS3.3 8.1). */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

export const CODE = {
  /** CID 7203 Image Derivation has no noise reduction; this is the nearest true parent. */
  smoothing: { value: '113087', scheme: 'DCM', meaning: 'Smoothing' },
  neuralNoiseReduction: {
    value: 'ISCL-NR',
    scheme: PRODUCT.codingScheme,
    meaning: 'Neural network noise reduction',
  },
  /** CID 7202 Source Image Purposes of Reference. */
  sourceImage: { value: '121322', scheme: 'DCM', meaning: 'Source image for image processing operation' },
  /** CID 7005 Contributing Equipment Purposes of Reference. */
  acquisitionEquipment: { value: '109101', scheme: 'DCM', meaning: 'Acquisition Equipment' },
  processingEquipment: { value: '109102', scheme: 'DCM', meaning: 'Processing Equipment' },
} as const satisfies Record<string, Code>;

/** A private scheme has to be named where it is used (PS3.3 C.12.1.1.10). */
export const CODING_SCHEME = {
  designator: PRODUCT.codingScheme,
  name: 'ISCL CT Denoise codes',
  organization: PRODUCT.manufacturer,
} as const;

/** Item of a code sequence. */
export function codeItem({ value, scheme, meaning }: Code): RawDataset {
  return new Map([
    [TAG.CodeValue, ascii('SH', value)],
    [TAG.CodingSchemeDesignator, ascii('SH', scheme)],
    [TAG.CodeMeaning, ascii('LO', meaning)],
  ]);
}

export function isCode(item: RawDataset, { value, scheme }: Code): boolean {
  return asciiOf(item, TAG.CodeValue) === value && asciiOf(item, TAG.CodingSchemeDesignator) === scheme;
}
