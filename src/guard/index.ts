/** What a model does to known faint lesions in the scan itself, before anybody reads with it. Pure; the engine comes through its interface. */
export type * from './types';
export { LESIONS, measureGuard, type GuardOptions } from './measure';
export {
  DEFAULT_THRESHOLDS,
  guardFigures,
  readThresholds,
  type GuardThresholds,
  type LesionFigures,
  type Level,
} from './figures';
export { assertSafe } from './findings';
export { noiseAt, strengthForDetectability, strengthForNoise } from './noise';
export { guardReport, type GuardReport } from './report';
