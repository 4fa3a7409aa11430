/** What storing needs of Node: the journal in a folder, and a write that is whole or not there. */
export { fileJournal, sessionName, writeAtomically } from './file-journal';
