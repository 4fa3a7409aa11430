/**
 * DICOM in and out: Part 10 to elements and pixels in every transfer syntax the viewer decodes; a source instance, HU and provenance to a
 * derived CT instance. Knows no engine; runs in Node and in a worker.
 */
export { parsePart10, type ParsedInstance } from './reader';
export { naturalize } from './naturalized';
export { decodeFrame, type DecodedFrame } from './decode';
export { pixelFormatOf } from './pixel-format';
export {
  deriveInstance,
  derivedSeriesInstanceUid,
  derivedUidsOf,
  pixelHashOf,
  sourceIdentityOf,
  type DerivedInstance,
  type DeriveInput,
  type DeriveSource,
  type SlabSources,
  type SourceIdentity,
} from './derive';
export { seriesMomentOf, type SeriesMoment } from './series-moment';
export { WorkerDeriver, type DeriveWorker } from './worker-deriver';
export type { SourceReference } from './derived-attributes';
export type { Provenance } from './provenance';
export { PRIVATE_ALLOW_LIST, type PrivateAllowList } from './private-tags';
export type { DerivedUids } from './derived-attributes';
export { sha256Hex } from './uid';
