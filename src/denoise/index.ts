/** The job: which slice next, progress, cancel, results by SOP Instance UID; strength is a blend. */
export type * from './types';
export { DenoiseJob } from './job';
export { IllegalTransition } from './states';
export { blend, difference, hasInt16Hu } from './strength';
