import dcmjs from 'dcmjs';

/** dcmjs ships no types: what src/dicom uses of it. */
interface Dcmjs {
  readonly DicomMetaDictionary: {
    readonly nameMap: Readonly<Record<string, { readonly tag: string; readonly vr: string }>>;
    naturalizeDataset(dataset: object): Record<string, unknown>;
  };
  readonly DicomMessage: { readFile(buffer: ArrayBufferLike, options?: object): { readonly dict: object } };
}

export const { DicomMetaDictionary, DicomMessage } = dcmjs.data as unknown as Dcmjs;
