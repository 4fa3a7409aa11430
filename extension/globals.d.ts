/** File System Access, which TypeScript's DOM library leaves out; absent in Firefox and Safari. */
interface Window {
  readonly showDirectoryPicker?: (options: { mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;
}
