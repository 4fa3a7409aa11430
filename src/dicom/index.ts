/**
 * DICOM in and out: Part 10 to elements and pixels in every transfer syntax the viewer decodes; a source instance, HU and provenance to a
 * derived CT instance. Knows no engine; runs in Node and in a worker.
 */
export { parsePart10, type ParsedInstance } from './part10/reader';
export { naturalize } from './part10/naturalized';
export { decodeFrame, type DecodedFrame } from './pixels/decode';
export { pixelFormatOf } from './pixels/pixel-format';
export {
  deriveInstance,
  derivedSeriesInstanceUid,
  derivedUidsOf,
  pixelHashOf,
  sourceIdentityOf,
} from './derive/derive';
export { seriesMomentOf, type SeriesMoment } from './derive/series-moment';
export { WorkerDeriver, type DeriveWorker } from './derive/worker-deriver';
export type {
  DerivedInstance,
  DerivedUids,
  DeriveInput,
  DeriveSource,
  SlabSources,
  SourceIdentity,
  SourceReference,
} from './derive/types';
export type { Provenance } from './derive/provenance';
export { sha256Hex, slicesDigest } from './derive/uid';
