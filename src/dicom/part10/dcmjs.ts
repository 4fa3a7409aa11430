import dcmjs from 'dcmjs';

/** dcmjs ships no types: what src/dicom uses of it. */
interface Dcmjs {
  readonly DicomMetaDictionary: {
    readonly nameMap: Readonly<Record<string, { readonly tag: string; readonly vr: string }>>;
    naturalizeDataset(dataset: object): Record<string, unknown>;
  };
  readonly DicomMessage: { readFile(buffer: ArrayBufferLike, options?: object): { readonly dict: object } };
}

interface Log {
  setLevel(level: string, persist: boolean): void;
}

// It writes about each odd value to the console, once a slice; what matters comes as an exception.
(dcmjs as unknown as { readonly log: Log }).log.setLevel('silent', false);

export const { DicomMetaDictionary, DicomMessage } = dcmjs.data as unknown as Dcmjs;
