/**
 * What only saving needs, half of the plugin's code (dcmjs): one module, so that it is one file beside extension.js, loaded when the mode is
 * entered and not when the viewer starts.
 */
export { derivedInstances, derivedSeriesUid } from './save';
export {
  describeReason,
  earlierMoment,
  indexedDbJournal,
  isStored,
  resumeStore,
  storeInstances,
  whyNotWritten,
  writeToFolder,
  zipBlob,
} from '../../src/store';
