/**
 * Getting a derived series out: to a DICOMweb server with a journal, read-back and a report (`storeInstances`), into a ZIP (`zipSeries`)
 * or a folder (`writeToFolder`). Browser and Node; `./node` adds the journal in a folder.
 */
export { storeInstances, resumeStore } from './session';
export type {
  ResumeOptions,
  StorableInstance,
  StoreOptions,
  StoreProgress,
  StoreSeriesOptions,
} from './options';
export { DicomWebClient, isPassing, NoAnswer, ReadRefused, stringValue } from './dicomweb';
export type { DicomJson, DicomWebOptions, DicomWebRoots } from './dicomweb';
export { earlierMoment, type EarlierStore } from './earlier-moment';
export { isStored, memoryJournal } from './journal';
export type { FileStore, JournalEntry, JournalSession, JournalStore } from './journal';
export { indexedDbJournal, originPrivateFiles } from './indexed-db-journal';
export { describeReason, type FailureReason } from './failure-reason';
export type { InstanceOutcome, InstanceReport, StoreReport } from './report';
export { INSTANCE_TABLE, SESSION_TABLE, next } from './states';
export type { InstanceEvent, InstanceState, SessionEvent, SessionState } from './states';
export { fileName, zipBlob, zipSeries } from './zip';
export type { ZipOptions } from './zip';
export { whyNotWritten, writeToFolder } from './folder';
export type { FolderOptions, FolderReport } from './folder';
export { sampleOf } from './sample';
