/** How a transfer syntax encodes the dataset and the pixels (PS3.5 annex A). */
export interface TransferSyntax {
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  readonly deflated: boolean;
  /** `null` for native pixels. */
  readonly codec:
    | 'rle'
    | 'jpeg-baseline'
    | 'jpeg-extended'
    | 'jpeg-lossless'
    | 'jpeg-ls'
    | 'jpeg-2000'
    | 'htj2k'
    | 'other'
    | null;
}

export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_VR_BIG_ENDIAN = '1.2.840.10008.1.2.2';

const little = { explicit: true, bigEndian: false, deflated: false } as const;

/** Those of `DECODABLE_TRANSFER_SYNTAXES` (src/ct), with what decodes them. */
const KNOWN: Readonly<Record<string, TransferSyntax>> = {
  [IMPLICIT_VR_LITTLE_ENDIAN]: { ...little, explicit: false, codec: null },
  [EXPLICIT_VR_LITTLE_ENDIAN]: { ...little, codec: null },
  [EXPLICIT_VR_BIG_ENDIAN]: { ...little, bigEndian: true, codec: null },
  '1.2.840.10008.1.2.1.99': { ...little, deflated: true, codec: null },
  '1.2.840.10008.1.2.5': { ...little, codec: 'rle' },
  '1.2.840.10008.1.2.4.50': { ...little, codec: 'jpeg-baseline' },
  '1.2.840.10008.1.2.4.51': { ...little, codec: 'jpeg-extended' },
  '1.2.840.10008.1.2.4.57': { ...little, codec: 'jpeg-lossless' },
  '1.2.840.10008.1.2.4.70': { ...little, codec: 'jpeg-lossless' },
  '1.2.840.10008.1.2.4.80': { ...little, codec: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.81': { ...little, codec: 'jpeg-ls' },
  '1.2.840.10008.1.2.4.90': { ...little, codec: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.91': { ...little, codec: 'jpeg-2000' },
  '1.2.840.10008.1.2.4.201': { ...little, codec: 'htj2k' },
  '1.2.840.10008.1.2.4.202': { ...little, codec: 'htj2k' },
  '1.2.840.10008.1.2.4.203': { ...little, codec: 'htj2k' },
};

/** Every other syntax is Explicit VR Little Endian outside its pixels (PS3.5 A.4), so its attributes can still be read. */
export function transferSyntaxOf(uid: string): TransferSyntax {
  return KNOWN[uid] ?? { ...little, codec: 'other' };
}
