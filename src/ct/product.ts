import { items, text } from './attributes';
import type { NaturalizedInstance } from './types';

/**
 * How an instance derived by this product is known again: src/dicom writes these, the verdict refuses to denoise what carries them. A denoised
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

/**
 * Was this instance derived by this product? True for live instances and for those read back from an archive. Any one of the codes and
 * names that src/dicom writes is enough, because archives and de-identifiers drop some.
 */
export function isIsclDerived(instance: NaturalizedInstance): boolean {
  const derivation = items(instance, 'DerivationCodeSequence');
  const equipment = items(instance, 'ContributingEquipmentSequence');
  return (
    derivation.some(code => text(code, 'CodingSchemeDesignator') === PRODUCT.codingScheme) ||
    [instance, ...equipment].some(item => text(item, 'ManufacturerModelName') === PRODUCT.modelName) ||
    text(instance, 'SeriesDescription').includes(PRODUCT.seriesTag)
  );
}
