import { items, text, texts } from './attributes';
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

/** As `derivationDescription` and the description of src/dicom put them. */
const DERIVATION = /Neural network noise reduction: model (.+?), SHA-256 .*?\bstrength (\d+(?:\.\d+)?) %/g;
const DESCRIPTION = new RegExp(`${PRODUCT.seriesTag} (\\d+(?:\\.\\d+)?) %(?: ([^:]+)(?=:|$))?`, 'g');

/** A model's name without what its card adds in brackets. */
export function shortName(model: string): string {
  return model.replace(/ \([^()]*\)/g, '');
}

/** With what a stored derived instance was made; null where it does not say. */
export interface StoredSettings {
  /** 0 to 1. */
  readonly strength: number | null;
  /** Name and version. */
  readonly model: string | null;
}

/**
 * What a derived instance of this product says of itself: its derivation, else its description, because archives and de-identifiers drop some. In a
 * derivation of several steps ours is the last.
 */
export function storedSettings(instance: NaturalizedInstance): StoredSettings {
  const last = (keyword: string, pattern: RegExp) =>
    [...texts(instance, keyword).join('\\').matchAll(pattern)].at(-1)?.slice(1) ?? [];
  const [derivedBy, made] = last('DerivationDescription', DERIVATION);
  const [described, describedBy] = last('SeriesDescription', DESCRIPTION);
  const model = derivedBy ?? describedBy;
  const percent = made ?? described;
  return {
    strength: percent === undefined ? null : Number(percent) / 100,
    model: model === undefined ? null : shortName(model),
  };
}

/** SOP Instance UID of the original of a derived instance; null where none is named. Neighbours that the model read come behind it. */
export function sourceUidOf(instance: NaturalizedInstance): string | null {
  const [source] = items(instance, 'SourceImageSequence');
  return source ? text(source, 'ReferencedSOPInstanceUID') || null : null;
}

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
