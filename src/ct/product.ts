/**
 * How a derived instance of ours is known again: src/dicom writes these, the verdict refuses to denoise what carries them. A denoised
 * series denoised once more would look like an original of lower noise.
 */
export const PRODUCT = {
  manufacturer: 'ISCL',
  modelName: 'ISCL CT Denoise',
  /** package.json's version; part of every derived UID. */
  version: '0.1.0',
  /** Private coding scheme (PS3.16 8.2: starts with 99). */
  codingScheme: '99ISCL',
  seriesTag: 'ISCL DENOISED',
} as const;
