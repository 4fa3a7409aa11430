import type { ParsedInstance } from '../../src/dicom';

/** A plain writer of Explicit VR Little Endian for test files, apart from the one under test. */
export type Dataset = ParsedInstance['dataset'];
type Element = NonNullable<ReturnType<Dataset['get']>>;

const LONG = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'];
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

function header(tag: number, vr: string, length: number): Buffer {
  const head = Buffer.alloc(LONG.includes(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (LONG.includes(vr)) head.writeUInt32LE(length >>> 0, 8);
  else head.writeUInt16LE(length, 6);
  return head;
}

function item(tag: number, length: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.writeUInt32LE(length >>> 0, 4);
  return head;
}

function encodeElement(tag: number, element: Element): Buffer {
  if ('items' in element) {
    const items = element.items.map(each => {
      const content = encode(each);
      return Buffer.concat([item(0xfffee000, content.length), content]);
    });
    const content = Buffer.concat(items);
    return Buffer.concat([header(tag, 'SQ', content.length), content]);
  }
  if ('fragments' in element) {
    const parts = [element.offsetTable, ...element.fragments].map(part =>
      Buffer.concat([item(0xfffee000, part.length), part]),
    );
    return Buffer.concat([header(tag, 'OB', 0xffffffff), ...parts, item(0xfffee0dd, 0)]);
  }
  return Buffer.concat([header(tag, element.vr, element.value.length), element.value]);
}

/** Elements in the order of their tags. */
export function encode(dataset: Dataset): Buffer {
  const tags = [...dataset.keys()].sort((a, b) => a - b);
  return Buffer.concat(tags.map(tag => encodeElement(tag, dataset.get(tag)!)));
}

/** A Part 10 file with the least file meta information that names its transfer syntax. */
export function part10(dataset: Dataset, transferSyntaxUid = EXPLICIT_LITTLE): Uint8Array {
  const meta = encode(new Map([[0x00020010, text('UI', transferSyntaxUid)]]));
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(meta.length);
  return new Uint8Array(
    Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      encode(new Map([[0x00020000, { vr: 'UL', value: groupLength }]])),
      meta,
      encode(dataset),
    ]),
  );
}

export function text(vr: string, value: string): Element {
  const bytes = Buffer.from(value, 'latin1');
  const pad = bytes.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
  return { vr, value: Buffer.concat([bytes, Buffer.from(pad, 'latin1')]) };
}

export function us(...values: number[]): Element {
  const value = Buffer.alloc(values.length * 2);
  values.forEach((each, i) => value.writeUInt16LE(each & 0xffff, i * 2));
  return { vr: 'US', value };
}

export interface TinyCt {
  readonly rows?: number;
  readonly columns?: number;
  readonly bitsStored?: number;
  readonly signed?: boolean;
  readonly slope?: string;
  readonly intercept?: string;
  readonly stored?: Int16Array | Uint16Array;
  /** Elements to add or, with undefined, to leave out. */
  readonly changes?: Readonly<Record<number, Element | undefined>>;
}

/** A small valid CT image, 12 bits unsigned by default. */
export function tinyCt(options: TinyCt = {}): Dataset {
  const {
    rows = 40,
    columns = 48,
    bitsStored = 12,
    signed = false,
    slope = '1',
    intercept = '-1024',
  } = options;
  const stored = options.stored ?? Uint16Array.from({ length: rows * columns }, (_, i) => (i * 7) % 2000);
  const dataset: Dataset = new Map<number, Element>([
    [0x00080005, text('CS', 'ISO_IR 100')],
    [0x00080008, text('CS', 'ORIGINAL\\PRIMARY\\AXIAL')],
    [0x00080016, text('UI', '1.2.840.10008.5.1.4.1.1.2')],
    [0x00080018, text('UI', '1.2.826.0.1.3680043.9.1.1.1')],
    [0x00080020, text('DA', '20200101')],
    [0x00080060, text('CS', 'CT')],
    [0x00080070, text('LO', 'Maker')],
    [0x00081090, text('LO', 'Scanner')],
    [0x00100010, text('PN', 'Test^Tiny')],
    [0x00100020, text('LO', 'ID1')],
    [0x00181000, text('LO', 'SN1')],
    [0x0020000d, text('UI', '1.2.826.0.1.3680043.9.1')],
    [0x0020000e, text('UI', '1.2.826.0.1.3680043.9.1.1')],
    [0x00200011, text('IS', '3')],
    [0x00200013, text('IS', '7')],
    [0x00200032, text('DS', '-100\\-100\\5')],
    [0x00200037, text('DS', '1\\0\\0\\0\\1\\0')],
    [0x00200052, text('UI', '1.2.826.0.1.3680043.9.2')],
    [0x00280002, us(1)],
    [0x00280004, text('CS', 'MONOCHROME2')],
    [0x00280010, us(rows)],
    [0x00280011, us(columns)],
    [0x00280030, text('DS', '0.5\\0.5')],
    [0x00280100, us(16)],
    [0x00280101, us(bitsStored)],
    [0x00280102, us(bitsStored - 1)],
    [0x00280103, us(signed ? 1 : 0)],
    [0x00281052, text('DS', intercept)],
    [0x00281053, text('DS', slope)],
    [0x7fe00010, { vr: 'OW', value: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength) }],
  ]);
  for (const [tag, element] of Object.entries(options.changes ?? {})) {
    if (element) dataset.set(Number(tag), element);
    else dataset.delete(Number(tag));
  }
  return dataset;
}
