declare module 'dicom-character-set' {
  interface Options {
    vr?: string;
  }
  const dicomCharacterSet: {
    /** Throws on an unknown character set or escape sequence. */
    convertBytes(specificCharacterSet: string | undefined, bytes: Uint8Array, options?: Options): string;
  };
  export default dicomCharacterSet;
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
