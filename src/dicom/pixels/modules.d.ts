/* Packages without types of their own: what src/dicom uses of them. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
declare module '@cornerstonejs/codec-charls/decodewasmjs';
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs';
declare module '@cornerstonejs/codec-openjph/wasmjs';
declare module 'dicom-character-set' {
  /** Throws on an unknown character set or escape sequence. */
  export function convertBytes(
    specificCharacterSet: string | undefined,
    bytes: Uint8Array,
    options?: { vr?: string },
  ): string;
  const bundle: { convertBytes: typeof convertBytes };
  export default bundle;
}

declare module 'dcmjs' {
  interface Entry {
    tag: string;
    vr: string;
    vm: string;
    name: string;
    version?: string;
  }
  const dcmjs: { data: { DicomMetaDictionary: { nameMap: Record<string, Entry> } } };
  export default dcmjs;
}
