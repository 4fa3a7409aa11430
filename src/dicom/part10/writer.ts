import {
  ascii,
  asciiOf,
  hasLongLength,
  isEncapsulated,
  isSequence,
  padded,
  type RawDataset,
  type RawElement,
} from './elements';
import { TAG } from './tags';
import { EXPLICIT_VR_LITTLE_ENDIAN } from './transfer-syntax';

/** Ours, by UUID (PS3.5 B.2). */
export const IMPLEMENTATION_CLASS_UID = '2.25.118206351953838410063012043968424364373';
export const IMPLEMENTATION_VERSION_NAME = 'ISCL_DENOISE_1';

/** Longest value with a 16-bit length; even, as all lengths. */
const MAX_SHORT_LENGTH = 0xfffe;

/**
 * A Part 10 file in Explicit VR Little Endian; the file meta information is made from the dataset's own SOP Class and Instance UID.
 * @throws RangeError for encapsulated pixels: they have to be decoded first.
 */
export function writePart10(dataset: RawDataset): Uint8Array {
  const meta: RawDataset = new Map<number, RawElement>([
    [TAG.FileMetaInformationVersion, { vr: 'OB', value: Uint8Array.of(0, 1) }],
    [TAG.MediaStorageSOPClassUID, ascii('UI', asciiOf(dataset, TAG.SOPClassUID))],
    [TAG.MediaStorageSOPInstanceUID, ascii('UI', asciiOf(dataset, TAG.SOPInstanceUID))],
    [TAG.TransferSyntaxUID, ascii('UI', EXPLICIT_VR_LITTLE_ENDIAN)],
    [TAG.ImplementationClassUID, ascii('UI', IMPLEMENTATION_CLASS_UID)],
    [TAG.ImplementationVersionName, ascii('SH', IMPLEMENTATION_VERSION_NAME)],
  ]);
  const metaLength = sizeOf(meta);
  const groupLength = new Uint8Array(4);
  new DataView(groupLength.buffer).setUint32(0, metaLength, true);
  const out = new Writer(132 + 12 + metaLength + sizeOf(dataset));
  out.skip(128);
  out.bytes(Uint8Array.of(0x44, 0x49, 0x43, 0x4d));
  out.element(TAG.FileMetaInformationGroupLength, { vr: 'UL', value: groupLength });
  out.dataset(meta);
  out.dataset(dataset);
  return out.done();
}

function sizeOf(dataset: RawDataset): number {
  let size = 0;
  for (const element of dataset.values()) size += headerSize(element) + contentSize(element);
  return size;
}

/** Values too long for the 16-bit length of their VR are written as UN (PS3.5 6.2.2 note 5). */
function writtenVr(element: RawElement): string {
  return !hasLongLength(element.vr) && contentSize(element) > MAX_SHORT_LENGTH ? 'UN' : element.vr;
}

const headerSize = (element: RawElement) => (hasLongLength(writtenVr(element)) ? 12 : 8);

function contentSize(element: RawElement): number {
  if (isSequence(element)) return element.items.reduce((size, item) => size + 8 + sizeOf(item), 0);
  if (isEncapsulated(element)) throw new RangeError('encapsulated pixels are not written');
  return element.value.length + (element.value.length % 2);
}

class Writer {
  private readonly out: Uint8Array;
  private readonly view: DataView;
  private position = 0;

  constructor(size: number) {
    this.out = new Uint8Array(size);
    this.view = new DataView(this.out.buffer);
  }

  /** Tags in ascending order, as PS3.5 7.1 demands. */
  dataset(dataset: RawDataset): void {
    for (const tag of [...dataset.keys()].sort((a, b) => a - b)) this.element(tag, dataset.get(tag)!);
  }

  element(tag: number, element: RawElement): void {
    const vr = writtenVr(element);
    const length = contentSize(element);
    this.tag(tag);
    this.out[this.position] = vr.charCodeAt(0);
    this.out[this.position + 1] = vr.charCodeAt(1);
    if (hasLongLength(vr)) {
      this.view.setUint32(this.position + 4, length, true);
      this.position += 8;
    } else {
      this.view.setUint16(this.position + 2, length, true);
      this.position += 4;
    }
    if (isSequence(element)) {
      for (const item of element.items) {
        this.tag(TAG.Item);
        this.view.setUint32(this.position, sizeOf(item), true);
        this.position += 4;
        this.dataset(item);
      }
    } else if (!isEncapsulated(element)) {
      this.bytes(padded(element.vr, element.value));
    }
  }

  bytes(bytes: Uint8Array): void {
    this.out.set(bytes, this.position);
    this.position += bytes.length;
  }

  skip(length: number): void {
    this.position += length;
  }

  done(): Uint8Array {
    if (this.position !== this.out.length)
      throw new RangeError(`${this.position} of ${this.out.length} bytes written`);
    return this.out;
  }

  private tag(tag: number): void {
    this.view.setUint16(this.position, tag >>> 16, true);
    this.view.setUint16(this.position + 2, tag & 0xffff, true);
    this.position += 4;
  }
}
