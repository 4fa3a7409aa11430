import * as dicomCharacterSet from 'dicom-character-set';
import { vrOfTag } from './dictionary';
import { ascii, asciiOf, isSequence, padded, type RawDataset, type RawElement } from './elements';
import { TAG } from './tags';

/** VRs whose bytes depend on Specific Character Set (PS3.5 6.1.2.2). */
const TEXT_VRS = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);

type ConvertBytes = (specificCharacterSet: string, bytes: Uint8Array, options: { vr: string }) => string;
interface Bundle {
  readonly convertBytes: ConvertBytes;
}

// CommonJS that says it is an ES module: its functions are the namespace's own under one loader and behind `default` under another.
const bundle = dicomCharacterSet as unknown as Bundle | { readonly default: Bundle };
const { convertBytes } = 'convertBytes' in bundle ? bundle : bundle.default;

const utf8 = new TextEncoder();

/**
 * The standard attributes, without pixels, with all text in UTF-8: for reading, not for copying. Items may have a character set of their own.
 */
export function inUtf8(dataset: RawDataset, inherited = ''): RawDataset {
  const characterSet = dataset.has(TAG.SpecificCharacterSet)
    ? asciiOf(dataset, TAG.SpecificCharacterSet)
    : inherited;
  const decoded: RawDataset = new Map();
  for (const [tag, element] of dataset) {
    if (tag === TAG.PixelData || (tag & 0xffff) === 0 || vrOfTag(tag) === undefined) continue;
    decoded.set(tag, decodedElement(element, characterSet));
  }
  return decoded.set(TAG.SpecificCharacterSet, ascii('CS', 'ISO_IR 192'));
}

function decodedElement(element: RawElement, characterSet: string): RawElement {
  if (isSequence(element)) return { vr: 'SQ', items: element.items.map(item => inUtf8(item, characterSet)) };
  if (
    !('value' in element) ||
    !TEXT_VRS.has(element.vr) ||
    element.value.every(byte => byte < 0x80 && byte !== 0x1b)
  ) {
    return element;
  }
  return {
    vr: element.vr,
    value: padded(element.vr, utf8.encode(decodedText(element.value, element.vr, characterSet))),
  };
}

/** ISO 646 alone: a byte above it breaks the standard, and scanners that write one mean Latin-1. */
const SEVEN_BITS = /^(ISO_IR 6)?$/;

/** A character set that nobody knows, or none, must not keep an image from being read: its text is shown as Latin-1, as pydicom and Orthanc do. */
export function decodedText(value: Uint8Array, vr: string, characterSet: string): string {
  if (SEVEN_BITS.test(characterSet)) return latin1(value);
  try {
    return convertBytes(characterSet, value, { vr });
  } catch {
    return latin1(value);
  }
}

/** Byte by byte; TextDecoder's "latin1" is Windows-1252. */
const latin1 = (value: Uint8Array): string => Array.from(value, byte => String.fromCharCode(byte)).join('');
