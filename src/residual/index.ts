/** What was removed: statistics slice by slice and of a region, and whether structure left with the noise. Pure. */
export type * from './types';
export { TISSUES, sliceStatistics, SeriesStatistics } from './statistics';
export { quietHu } from './quiet';
export { regionStatistics } from './region';
export { DifferenceWindow } from './difference-window';
export { structureInResidual, STRUCTURE_THRESHOLD } from './structure';
