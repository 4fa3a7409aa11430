import dcmjs from 'dcmjs';

type Dict = Record<string, { readonly Value: readonly unknown[] } | undefined>;

/** The part of dcmjs that the tests write and read Part 10 with: a reader that is not ours. */
export const { DicomDict, DicomMessage, DicomMetaDictionary } = dcmjs.data as unknown as {
  readonly DicomDict: new (meta: object) => { dict: object; write(): ArrayBuffer };
  readonly DicomMessage: { readFile(buffer: ArrayBuffer): { readonly dict: Dict } };
  readonly DicomMetaDictionary: { denaturalizeDataset(dataset: object): object };
};
