/** What a code stream holds, by its own header. */
export interface Decoded {
  readonly rows: number;
  readonly columns: number;
  /** Precision; bits above it in `words` mean nothing. */
  readonly bits: number;
  readonly words: Uint8Array | Uint16Array | Int16Array;
}

/** What the DICOM header says, for code streams without a header of their own. */
export interface Expected {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
}

/** Throws anything when the code stream is damaged. */
export type Decode = (encoded: Uint8Array, expected: Expected) => Decoded;
