/**
 * DICOM in and out: Part 10 to elements and pixels in every transfer syntax the viewer decodes; a source instance, HU and provenance to a
 * derived CT instance. Knows no engine; runs in Node and in a worker.
 */
export { parseHeader, parsePart10, type ParsedHeader, type ParsedInstance } from './part10/reader';
export {
  asciiOf,
  isEncapsulated,
  isSequence,
  valueOf,
  wordOf,
  type RawDataset,
  type RawElement,
} from './part10/elements';
export { tagOfKeyword, tagText, vrOfTag } from './part10/dictionary';
export { decodedText } from './part10/text';
export { TAG } from './part10/tags';
export { naturalize } from './part10/naturalized';
export { frameOf } from './pixels/encapsulated';
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
