import { tagText, vrOfTag } from './dictionary';
import {
  hasLongLength,
  isKnownVr,
  wordBytes,
  wordOf,
  type EncapsulatedElement,
  type RawDataset,
  type RawElement,
} from './elements';
import { unreadable } from './errors';
import { TAG } from './tags';

export interface Encoding {
  readonly explicit: boolean;
  readonly bigEndian: boolean;
}

const UNDEFINED_LENGTH = 0xffffffff;
const IMPLICIT: Encoding = { explicit: false, bigEndian: false };
/** Deepest nesting read; real CT has under ten, and a recursion without end would overflow the stack. */
const MAX_DEPTH = 32;

/** Where the value of an element lies. */
export interface ElementPlace {
  readonly vr: string;
  /** From the start of the bytes. */
  readonly offset: number;
  /** In bytes; null where a delimiter ends it. */
  readonly length: number | null;
}

interface Header {
  readonly tag: number;
  readonly vr: string;
  readonly length: number;
  /** Explicit text in an implicit place, or a UN sequence: the contents of this one element are implicit (PS3.5 6.2.2). */
  readonly contents: Encoding;
}

/**
 * Reads elements one after the other; every length is checked against what contains it. Values keep their bytes, swapped to little endian;
 * Implicit VR gets its VR from the dictionary (UN when unknown).
 */
export class ElementReader {
  position = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly encoding: Encoding,
    private readonly oddities: string[],
    private readonly depth = 0,
    /** Pixel Representation so far, from the dataset that holds an item too: it makes "US or SS" one of them. */
    private signed = false,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** All elements up to the end of the bytes. */
  dataset(): RawDataset {
    return this.until(null).dataset;
  }

  /** The elements before one, and where its value begins; null when the bytes end without it. */
  until(tag: number | null): { dataset: RawDataset; stop: ElementPlace | null } {
    const dataset: RawDataset = new Map();
    while (this.position < this.bytes.length) {
      if (this.isTrailingPadding()) break;
      const header = this.header(this.encoding);
      if (header.tag === tag) {
        const length = header.length === UNDEFINED_LENGTH ? null : header.length;
        return { dataset, stop: { vr: header.vr, offset: this.position, length } };
      }
      this.add(dataset, header, this.encoding);
    }
    return { dataset, stop: null };
  }

  /** The elements of one group, stopping before the first of another. */
  group(group: number): RawDataset {
    const dataset: RawDataset = new Map();
    while (this.bytes.length - this.position >= 8 && this.view.getUint16(this.position, true) === group) {
      this.add(dataset, this.header(this.encoding), this.encoding);
    }
    return dataset;
  }

  /** Zeros after the last element are not DICOM but harmless; anything else is an element cut off. */
  private isTrailingPadding(): boolean {
    const { bytes, position, view } = this;
    const isWholeHeader = bytes.length - position >= 8;
    if (isWholeHeader && (view.getUint32(position) !== 0 || view.getUint32(position + 4) !== 0)) return false;
    const rest = bytes.subarray(position);
    if (rest.some(byte => byte !== 0))
      throw unreadable('the file is cut off or damaged after its last whole element');
    this.oddities.push('zeros after the last element');
    return true;
  }

  private header(encoding: Encoding): Header {
    this.need(8, 'an element');
    const little = !encoding.bigEndian;
    const tag =
      ((this.view.getUint16(this.position, little) << 16) |
        this.view.getUint16(this.position + 2, little)) >>>
      0;
    this.position += 4;
    if (tag >>> 16 === 0xfffe) return { tag, vr: 'na', length: this.uint32(little), contents: encoding };
    if (!encoding.explicit) {
      const length = this.uint32(little);
      return { tag, vr: this.implicitVr(tag, length), length, contents: encoding };
    }
    const vr = String.fromCharCode(this.bytes[this.position]!, this.bytes[this.position + 1]!);
    if (!isKnownVr(vr)) {
      this.oddities.push(`${tagText(tag)} has no valid VR`);
      // Two other letters are a VR of a later standard, with a 32-bit length (PS3.5 6.2.2 note); anything else, an implicit element.
      if (!/^[A-Z]{2}$/.test(vr)) {
        const length = this.uint32(little);
        return { tag, vr: this.implicitVr(tag, length), length, contents: { ...encoding, explicit: false } };
      }
    }
    if (isKnownVr(vr) && !hasLongLength(vr)) {
      const length = this.view.getUint16(this.position + 2, little);
      this.position += 4;
      return { tag, vr, length, contents: encoding };
    }
    this.position += 4;
    this.need(4, tagText(tag));
    const length = this.uint32(little);
    if (vr === 'UN') return this.resolveUnknown(tag, length);
    return { tag, vr: isKnownVr(vr) ? vr : 'UN', length, contents: encoding };
  }

  /** UN of an attribute the dictionary knows: its value is as in Implicit VR Little Endian, whatever the file's syntax (PS3.5 6.2.2). */
  private resolveUnknown(tag: number, length: number): Header {
    const known = this.implicitVr(tag, length);
    const tooLong = !hasLongLength(known) && length > 0xfffe && length !== UNDEFINED_LENGTH;
    return { tag, vr: tooLong ? 'UN' : known, length, contents: IMPLICIT };
  }

  private implicitVr(tag: number, length: number): string {
    const isPrivate = ((tag >>> 16) & 1) === 1;
    const element = tag & 0xffff;
    if (isPrivate && element >= 0x10 && element <= 0xff) return 'LO';
    const vr = vrOfTag(tag);
    if (length === UNDEFINED_LENGTH && tag !== TAG.PixelData) return 'SQ';
    switch (vr) {
      case undefined:
        return 'UN';
      case 'xs':
        return this.signed ? 'SS' : 'US';
      case 'ox':
      case 'lt':
        return 'OW';
      case 'up':
        return 'UL';
      default:
        return vr;
    }
  }

  private add(dataset: RawDataset, header: Header, encoding: Encoding): void {
    const { tag, length } = header;
    if (tag >>> 16 === 0xfffe) throw unreadable(`${tagText(tag)} is outside a sequence`);
    const element = this.element(header, encoding);
    const earlier = dataset.get(tag);
    if (earlier && !sameElement(earlier, element))
      throw unreadable(`${tagText(tag)} is there twice, with two values`);
    if (length % 2 === 1 && length !== UNDEFINED_LENGTH)
      this.oddities.push(`${tagText(tag)} has an odd length`);
    dataset.set(tag, element);
    if (tag === TAG.PixelRepresentation) this.signed = wordOf(dataset, tag) === 1;
  }

  private element(header: Header, encoding: Encoding): RawElement {
    const { tag, vr, length, contents } = header;
    if (length === UNDEFINED_LENGTH && tag === TAG.PixelData) return this.fragments();
    if (vr === 'SQ') {
      const start = this.position;
      try {
        return { vr: 'SQ', items: this.items(length, contents, tag) };
      } catch (error) {
        // A sequence inside a UN value may be encoded in any way; its length is known, so its bytes are kept as they are.
        if (contents !== IMPLICIT || length === UNDEFINED_LENGTH) throw error;
        this.position = start;
        return { vr: 'UN', value: this.take(length, tag) };
      }
    }
    if (length === UNDEFINED_LENGTH) throw unreadable(`${tagText(tag)} (${vr}) has no length`);
    const value = this.take(length, tag);
    const unit = contents.bigEndian && encoding.bigEndian ? wordBytes(vr) : 1;
    return { vr, value: unit > 1 ? swapped(value, unit, tag) : value };
  }

  private items(length: number, encoding: Encoding, owner: number): RawDataset[] {
    if (this.depth >= MAX_DEPTH) throw unreadable('sequences are nested too deeply');
    const end = this.end(length, owner);
    const items: RawDataset[] = [];
    for (;;) {
      if (end !== null && this.position >= end) {
        if (this.position > end) throw unreadable(`an item of ${tagText(owner)} is longer than its sequence`);
        return items;
      }
      const { tag, length: itemLength } = this.header(encoding);
      if (tag === TAG.SequenceDelimitationItem) {
        if (end !== null && this.position !== end)
          throw unreadable(`${tagText(owner)} ends before its length`);
        return items;
      }
      if (tag !== TAG.Item)
        throw unreadable(`${tagText(tag)} stands in ${tagText(owner)} where an item should`);
      items.push(this.item(itemLength, encoding, owner));
    }
  }

  private item(length: number, encoding: Encoding, owner: number): RawDataset {
    if (length !== UNDEFINED_LENGTH) {
      const inner = new ElementReader(
        this.take(length, owner),
        encoding,
        this.oddities,
        this.depth + 1,
        this.signed,
      );
      return inner.dataset();
    }
    const inner = new ElementReader(
      this.bytes.subarray(this.position),
      encoding,
      this.oddities,
      this.depth + 1,
      this.signed,
    );
    const item = inner.untilDelimiter();
    this.position += inner.position;
    return item;
  }

  private untilDelimiter(): RawDataset {
    const dataset: RawDataset = new Map();
    for (;;) {
      const header = this.header(this.encoding);
      if (header.tag === TAG.ItemDelimitationItem) return dataset;
      this.add(dataset, header, this.encoding);
    }
  }

  private fragments(): EncapsulatedElement {
    const fragments: Uint8Array[] = [];
    let offsetTable: Uint8Array | null = null;
    for (;;) {
      const { tag, length } = this.header(this.encoding);
      if (tag === TAG.SequenceDelimitationItem) break;
      if (tag !== TAG.Item || length === UNDEFINED_LENGTH)
        throw unreadable('the compressed pixels are damaged');
      const fragment = this.take(length, TAG.PixelData);
      if (offsetTable) fragments.push(fragment);
      else offsetTable = fragment;
    }
    return { vr: 'OB', offsetTable: offsetTable ?? new Uint8Array(0), fragments };
  }

  private end(length: number, owner: number): number | null {
    if (length === UNDEFINED_LENGTH) return null;
    this.need(length, tagText(owner));
    return this.position + length;
  }

  private take(length: number, tag: number): Uint8Array {
    this.need(length, tagText(tag));
    const value = this.bytes.subarray(this.position, this.position + length);
    this.position += length;
    return value;
  }

  private need(length: number, what: string): void {
    const left = this.bytes.length - this.position;
    if (length > left)
      throw unreadable(`the file is cut off: ${what} needs ${length} bytes, ${left} are left`);
  }

  private uint32(little: boolean): number {
    const value = this.view.getUint32(this.position, little);
    this.position += 4;
    return value;
  }
}

function swapped(value: Uint8Array, unit: number, tag: number): Uint8Array {
  if (value.length % unit !== 0) throw unreadable(`${tagText(tag)} is no whole number of values`);
  const copy = value.slice();
  for (let at = 0; at < copy.length; at += unit) copy.subarray(at, at + unit).reverse();
  return copy;
}

function sameElement(one: RawElement, other: RawElement): boolean {
  if (!('value' in one) || !('value' in other) || one.value.length !== other.value.length) return false;
  return one.value.every((byte, i) => byte === other.value[i]);
}
