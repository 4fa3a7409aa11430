/** What may be denoised and why not; HU in and out; padding; order of slices. Knows no pixel source and no engine. */
export type * from './types';
export { judgeSeries } from './verdict';
export { fieldSamples, judgeField } from './field';
export { pixelSizeOf, sortAlongNormal } from './geometry';
export { neighbourRuns, type SliceRun } from './neighbours';
export { planSlabs, type Slab } from './slabs';
export {
  modalityOf,
  sliceFromStored,
  sliceFromHu,
  storedSlice,
  huToStored,
  storedToHu,
  sliceToStored,
} from './modality';
export {
  PRODUCT,
  isIsclDerived,
  sourceUidOf,
  shortName,
  storedSettings,
  type StoredSettings,
} from './product';
export { CT_IMAGE_STORAGE } from './sop-classes';
export { DECODABLE_TRANSFER_SYNTAXES, LOSSY_TRANSFER_SYNTAXES } from './transfer-syntaxes';
