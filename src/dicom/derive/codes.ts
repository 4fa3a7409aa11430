import { PRODUCT } from '../../ct';
import { ascii, asciiOf, type RawDataset } from '../part10/elements';
import { TAG } from '../part10/tags';

/** One concept of a coding scheme (PS3.3 8.1), by Code Value or by URN Code Value. */
export type Code = ValueCode | UrnCode;

interface ValueCode {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

interface UrnCode {
  readonly urn: string;
  readonly scheme: string;
  readonly meaning: string;
}

export const CODE = {
  /** CID 7203 Image Derivation has no noise reduction; this is the nearest true parent. */
  smoothing: { value: '113087', scheme: 'DCM', meaning: 'Smoothing' },
  /**
   * A URN is ours alone, where a 99 scheme may be anybody's (docs/dicom-conformance.md, section 8). The UID is the version 5 UUID of this meaning
   * in lower case, in the namespace of the derived UIDs; it never changes.
   */
  neuralNoiseReduction: {
    urn: 'urn:oid:2.25.47689843220589786711869098775405458573',
    scheme: PRODUCT.codingScheme,
    meaning: 'Neural network noise reduction',
  },
  /** CID 7202 Source Image Purposes of Reference. */
  sourceImage: { value: '121322', scheme: 'DCM', meaning: 'Source image for image processing operation' },
  /** CID 7005 Contributing Equipment Purposes of Reference. */
  acquisitionEquipment: { value: '109101', scheme: 'DCM', meaning: 'Acquisition Equipment' },
  processingEquipment: { value: '109102', scheme: 'DCM', meaning: 'Processing Equipment' },
} as const satisfies Record<string, Code>;

/** Item of a code sequence. */
export function codeItem(code: Code): RawDataset {
  return new Map([
    'urn' in code ? [TAG.URNCodeValue, ascii('UR', code.urn)] : [TAG.CodeValue, ascii('SH', code.value)],
    [TAG.CodingSchemeDesignator, ascii('SH', code.scheme)],
    [TAG.CodeMeaning, ascii('LO', code.meaning)],
  ]);
}

export function isCode(item: RawDataset, { value, scheme }: ValueCode): boolean {
  return asciiOf(item, TAG.CodeValue) === value && asciiOf(item, TAG.CodingSchemeDesignator) === scheme;
}
