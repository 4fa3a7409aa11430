/** What may be denoised and why not; HU in and out; padding; order of slices. Knows no pixels source and no engine. */
export type * from './types';
export { judgeSeries } from './verdict';
export { sortAlongNormal } from './geometry';
export { modalityOf, sliceFromStored, sliceFromHu, huToStored, storedToHu, sliceToStored } from './modality';
