import type { ParsedInstance } from '../../src/dicom';
import type { Dataset } from './part10';

/*
 * Rules that dciodvfy does not check, so that a file could break them and still pass: read from the file's own elements, apart from the code that
 * writes them.
 */

/** What the derived instance breaks, in words; [] when nothing. */
export function brokenRules(source: ParsedInstance, derived: ParsedInstance): string[] {
  const broken: string[] = [];
  const rule = (holds: boolean, words: string) => {
    if (!holds) broken.push(words);
  };
  const { dataset, meta } = derived;
  const type = textOf(dataset, 0x00080008).split('\\');
  const derivations = items(dataset, 0x00089215);
  const images = items(dataset, 0x00082112);
  rule(type[0] === 'DERIVED', 'Image Type is ORIGINAL though there is a derivation');
  rule(type.length >= 3 && type[2] !== '', 'Image Type has no value 3');
  rule(textOf(dataset, 0x00082111) !== '', 'no Derivation Description');
  rule(
    derivations.some(code => isCode(code, '113087', 'DCM', 'Smoothing')),
    'no derivation code, or a wrong meaning',
  );
  rule(
    derivations.some(code => textOf(code, 0x00080102).startsWith('99')),
    'no private derivation code',
  );
  rule(images.length > 0, 'no source image');
  for (const image of images) {
    const purposes = items(image, 0x0040a170);
    const meaning = 'Source image for image processing operation';
    rule(
      purposes.some(code => isCode(code, '121322', 'DCM', meaning)),
      'no purpose code, or a wrong meaning',
    );
    rule(textOf(image, 0x0028135a) === 'YES', 'Spatial Locations Preserved is not YES');
  }
  const references = images.map(image => textOf(image, 0x00081155));
  rule(references.includes(textOf(source.dataset, 0x00080018)), 'the source instance is not referenced');
  const listed = items(dataset, 0x00081115).filter(
    series => textOf(series, 0x0020000e) === textOf(source.dataset, 0x0020000e),
  );
  rule(listed.length === 1, 'the source series is not listed once in Referenced Series');
  rule(textOf(meta, 0x00020003) === textOf(dataset, 0x00080018), 'Media Storage SOP Instance UID is another');
  rule(textOf(meta, 0x00020002) === textOf(dataset, 0x00080016), 'Media Storage SOP Class UID is another');
  rule(
    textOf(dataset, 0x00080018) !== textOf(source.dataset, 0x00080018),
    'the SOP Instance UID is the source’s',
  );
  rule(
    textOf(dataset, 0x0020000e) !== textOf(source.dataset, 0x0020000e),
    'the Series Instance UID is the source’s',
  );
  rule(textOf(dataset, 0x0020000d) === textOf(source.dataset, 0x0020000d), 'the study is another');
  for (const uid of [textOf(dataset, 0x00080018), textOf(dataset, 0x0020000e)]) {
    rule(
      /^2\.25\.[1-9]\d{0,38}$/.test(uid) && BigInt(uid.slice(5)) < 2n ** 128n,
      `${uid} is no UID of a UUID`,
    );
  }
  const lossy = textOf(dataset, 0x00282110);
  if (textOf(source.dataset, 0x00282110) === '01') rule(lossy === '01', 'lossy compression is forgotten');
  if (lossy === '01' && textOf(source.dataset, 0x00282112) !== '') {
    rule(textOf(dataset, 0x00282112) !== '', 'lossy compression has no ratio');
  }
  if (/1\.2\.840\.10008\.1\.2\.4\.5[0-5]$/.test(source.transferSyntaxUid)) {
    rule(lossy === '01' && textOf(dataset, 0x00282112) !== '', 'lossy compression has no ratio');
  }
  rule(textOf(dataset, 0x00189004) === 'RESEARCH', 'Content Qualification is not RESEARCH');
  rule(textOf(dataset, 0x0008103e).length <= 64, 'Series Description is too long');
  rule(textOf(dataset, 0x00281054) === 'HU', 'Rescale Type is not HU');
  const equipment = items(dataset, 0x0018a001);
  rule(
    equipment.every(item => textOf(item, 0x00080070) !== ''),
    'contributing equipment without Manufacturer',
  );
  const isPurpose = (item: Dataset, value: string) =>
    items(item, 0x0040a170).some(code => textOf(code, 0x00080100) === value);
  rule(
    equipment.some(item => isPurpose(item, '109102')),
    'our equipment is not named',
  );
  if (textOf(source.dataset, 0x00080070) !== '') {
    const scanner = equipment.find(item => isPurpose(item, '109101'));
    rule(
      scanner !== undefined && textOf(scanner, 0x00080070) === textOf(source.dataset, 0x00080070),
      'the scanner is not named',
    );
  }
  for (const tag of dataset.keys()) {
    rule(
      ![0x00081111, 0x00880200, 0xfffafffa, 0x4ffe0001].includes(tag),
      `${tag.toString(16)} should be dropped`,
    );
  }
  return broken;
}

function isCode(item: Dataset, value: string, scheme: string, meaning: string): boolean {
  return (
    textOf(item, 0x00080100) === value &&
    textOf(item, 0x00080102) === scheme &&
    textOf(item, 0x00080104) === meaning
  );
}

export function textOf(dataset: Dataset, tag: number): string {
  const element = dataset.get(tag);
  return element && 'value' in element
    ? Buffer.from(element.value).toString('latin1').replaceAll('\0', '').trim()
    : '';
}

export function items(dataset: Dataset, tag: number): readonly Dataset[] {
  const element = dataset.get(tag);
  return element && 'items' in element ? element.items : [];
}
