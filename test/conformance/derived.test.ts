import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  modalityOf,
  sliceFromStored,
  storedToHu,
  huToStored,
  type SliceHu,
  type StoredPixels,
} from '../../src/ct';
import {
  decodeFrame,
  deriveInstance,
  naturalize,
  parsePart10,
  type ParsedInstance,
  type Provenance,
} from '../../src/dicom';
import { DATA, describeWithData, filesBelow, firstOf, readData } from './corpus';
import { part10, type Dataset } from './part10';
import { python, pydicomMissing } from './python';
import { brokenRules } from './silent-rules';
import { dcentvfy, dciodvfy, dcmdump, gdcminfo, missingTools } from './tools';

/** A slice of every series and scanner: four makers and more, tilted, padded, signed and unsigned, lossy, of odd character sets. */
const SOURCES = (): string[] => [
  ...[
    'ACRIN-001_PETCT_abdomen_lowdose',
    'ACRIN-013_B10f_5mm',
    'C3L-00189_LUNG_5mm',
    'CMB-CRC-MSB-01068_LUNG',
  ].map(ct),
  ...[
    'KiTS-00072_B30s',
    'LIDC-IDRI-0314_chest_1mm_noisy',
    'LungFCP-01-0001_100kV_2mm',
    'Lung_Dx-A0001_B_5mm',
  ].map(ct),
  ...['Lung_Dx-A0002_B70f_8mm'].map(ct),
  ...['FDA-thoracic_0.8mm', 'plastic-head_tilt16.5'].map(name => firstOf(`phantom/${name}`)),
  ...['covid-19-ny-sbu_A067967_axial', 'misc-tcia_CTC_B30f_1mm', 'siim-tcga-lung_TCGA-17-Z011_s2'].map(
    breadth,
  ),
  ...[
    'siim-tcga-lung_TCGA-17-Z013_s1',
    'siim-tcga-lung_TCGA-34-5236_s1',
    'siim-tcga-lung_TCGA-60-2695_s1',
  ].map(breadth),
  'conformance/ts/dcm4che__CT-JPEGLosslessSV1.dcm',
  'conformance/ts/dwv__dicompyler-ct.0.dcm',
  'conformance/ts/cornerstone3D__CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm',
  'conformance/ts/cornerstone3D__CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm',
  'conformance/ts/dicomParser__CT1_UNC.implicit_little_endian.dcm',
  'conformance/signed/pydicom__J2K_pixelrep_mismatch.dcm',
  'conformance/geometry/dicom2nifti__failing_gantrytilting_001_IM-0001-0001.dcm',
  'conformance/mpr/Image-Registration__A002304_coronal_19001231-076.dcm',
];
const ct = (name: string) => firstOf(`ct/${name}`);
const breadth = (name: string) => firstOf(`breadth/${name}`);

const provenance: Provenance = {
  model: { name: 'iscl-test', version: '1.2.3', sha256: '0123456789abcdef'.repeat(4) },
  strength: 0.7,
  provider: 'wasm',
  precision: 'fp32',
  codeVersion: '0.1.0',
  warnings: [{ kind: 'warning', code: 'thickness-outside-domain', sliceThicknessMm: 8 }],
};
const createdAt = new Date('2026-03-04T05:06:07Z');

/** A mean over three pixels in a row, as HU that the pixel format can hold: pixels that differ from the source nearly everywhere. */
function smoothed({ hu, padding, modality }: SliceHu): Float32Array {
  return hu.map((value, i) => {
    if (padding?.[i]) return value;
    const mean = (hu[Math.max(0, i - 1)]! + value + hu[Math.min(hu.length - 1, i + 1)]!) / 3;
    return storedToHu(huToStored(mean, modality), modality);
  });
}

interface Pair {
  readonly name: string;
  readonly sourcePath: string;
  readonly derivedPath: string;
  readonly source: ParsedInstance;
  readonly derived: ParsedInstance;
  readonly stored: StoredPixels;
  readonly slice: SliceHu;
  readonly hu: Float32Array;
}

const changedTags = new Set([
  ...[
    0x00080005, 0x00080008, 0x00080012, 0x00080013, 0x00080016, 0x00080018, 0x00080021, 0x00080023,
    0x00080031, 0x00080033,
  ],
  ...[
    0x00080070, 0x0008103e, 0x00081090, 0x00081115, 0x00082111, 0x00082112, 0x00089215, 0x00181020,
    0x0018a001,
  ],
  ...[0x00189004, 0x0020000e, 0x00200011, 0x00280106, 0x00280107, 0x00281054, 0x7fe00010],
  ...[0x00282110, 0x00282112, 0x00282114],
]);
const droppedTags = new Set([
  ...[
    0x00080014, 0x00081010, 0x0008103f, 0x00081111, 0x00181000, 0x00181002, 0x00181008, 0x00181050,
    0x00181200, 0x00181201,
  ],
  ...[0x00280108, 0x00280109, 0x00880200, 0xfffcfffc, 0xfffafffa, 0x4ffe0001, 0x04000500, 0x00080300],
  // What an archive said of the source.
  ...[0x00080054, 0x00080056, 0x00081190, 0x00083002, 0x0040e010, 0x0040e011, 0x00880130, 0x00880140],
  ...[0x00080015, 0x01000410, 0x01000420, 0x01000424, 0x01000426],
]);

/** Half a minute each on an idle machine; the machine of a check may be anything but idle. */
jest.setTimeout(300_000);

describeWithData('derived instances under independent eyes', () => {
  const missing = [...missingTools(), ...(pydicomMissing() ? [`pydicom (${pydicomMissing()})`] : [])];
  if (missing.length > 0) {
    process.stdout.write(`skipped: validation of derived instances: not installed: ${missing.join(', ')}\n`);
    test.skip('needs dicom3tools, dcmtk, gdcm and pydicom', () => undefined);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'iscl-derived-'));
  const sources = SOURCES();
  const pairs = new Map<string, Pair>();

  beforeAll(async () => {
    for (const [index, path] of sources.entries()) {
      const bytes = readData(path);
      const source = parsePart10(bytes);
      const instance = naturalize(source);
      const { stored } = await decodeFrame(source);
      const slice = sliceFromStored(stored, instance);
      const hu = smoothed(slice);
      const { part10: file } = await deriveInstance({ source: bytes, hu, provenance, createdAt });
      const derivedPath = join(folder, `${index}.dcm`);
      writeFileSync(derivedPath, file);
      const name = `${basename(dirname(path))}/${basename(path)}`;
      pairs.set(path, {
        name,
        sourcePath: join(DATA, path),
        derivedPath,
        source,
        derived: parsePart10(file),
        stored,
        slice,
        hu,
      });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const pair = (path: string): Pair => {
    const found = pairs.get(path);
    if (!found) throw new Error(`${path} was not derived`);
    return found;
  };

  test('at least twelve real series of different makers', () => {
    const makers = new Set(
      [...pairs.values()].map(({ source }) => String(naturalize(source)['Manufacturer'] ?? '')),
    );
    expect(pairs.size).toBeGreaterThanOrEqual(12);
    expect(makers.size).toBeGreaterThanOrEqual(5);
  });

  describe.each(sources)('%s', path => {
    test('dciodvfy finds nothing that it does not find in the source', () => {
      const { sourcePath, derivedPath } = pair(path);
      const known = new Set(dciodvfy(sourcePath));
      expect(dciodvfy(derivedPath).filter(message => !known.has(message))).toEqual([]);
    });
    test('dcentvfy is quiet about source and derived together', () => {
      const { sourcePath, derivedPath } = pair(path);
      expect(dcentvfy([sourcePath, derivedPath])).toEqual(dcentvfy([sourcePath]));
    });
    test('dcmtk and gdcm read it', () => {
      const { derivedPath, source } = pair(path);
      expect(dcmdump(derivedPath)).toEqual([]);
      const info = gdcminfo(derivedPath);
      expect(info['TransferSyntax']?.split(' ')[0]).toBe('1.2.840.10008.1.2.1');
      const { Rows, Columns, BitsStored, PixelRepresentation } = naturalize(source);
      expect(info['Dimensions']).toBe(`(${Number(Columns)},${Number(Rows)},1)`);
      expect(info['BitsStored']).toBe(String(BitsStored));
      expect(info['PixelRepresentation']).toBe(String(PixelRepresentation));
    });
    test('keeps the rules that dciodvfy is silent on', () => {
      const { source, derived } = pair(path);
      expect(brokenRules(source, derived)).toEqual([]);
    });
    test('copies every other attribute byte for byte', () => {
      const { source, derived } = pair(path);
      const unlike: string[] = [];
      for (const [tag, element] of source.dataset) {
        if (((tag >>> 16) & 1) === 1 || (tag & 0xffff) === 0 || changedTags.has(tag)) continue;
        const copy = derived.dataset.get(tag);
        if (droppedTags.has(tag) ? copy : !sameElement(element, copy)) unlike.push(tag.toString(16));
      }
      expect(unlike).toEqual([]);
    });
  });

  test('pydicom reads the HU that were written, padding included', () => {
    const input = sources.map(path => `${pair(path).derivedPath}\t0\n`).join('');
    const output = python(join(__dirname, 'reference.py'), [join(folder, 'values')], input);
    const values = new Uint8Array(readFileSync(join(folder, 'values')));
    const answers = output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { at: number; error?: string });
    for (const [index, path] of sources.entries()) {
      const { hu, slice, stored, source } = pair(path);
      const { at, error } = answers[index]!;
      expect(error).toBeUndefined();
      const words = new Int32Array(values.buffer, at, hu.length);
      const modality = modalityOf(naturalize(source));
      let wrong = 0;
      let wrongPadding = 0;
      for (let i = 0; i < hu.length; i++) {
        if (slice.padding?.[i]) wrongPadding += words[i] === stored[i] ? 0 : 1;
        else if (storedToHu(words[i]!, modality) !== hu[i]) wrong++;
      }
      expect({ path, wrong, wrongPadding }).toEqual({ path, wrong: 0, wrongPadding: 0 });
    }
  });

  test('at strength 0 the HU are the source’s, in every pixel format of the corpus', async () => {
    for (const path of sources) {
      const { slice, stored, source } = pair(path);
      const { part10: file } = await deriveInstance({
        source: { parsed: source },
        hu: slice.hu,
        provenance: { ...provenance, strength: 0 },
        createdAt,
      });
      const again = await decodeFrame(parsePart10(file));
      expect(Buffer.compare(bytesOf(again.stored), bytesOf(stored))).toBe(0);
    }
  });

  test('a viewer’s naturalised dataset and pixels give the same UIDs and pixels as the file', async () => {
    for (const path of sources) {
      const { derived, hu, stored, source } = pair(path);
      const { part10: file } = await deriveInstance({
        source: { instance: naturalize(source), stored },
        hu,
        provenance,
        createdAt,
      });
      const viewer = parsePart10(file);
      for (const tag of [0x00080018, 0x0020000e, 0x7fe00010]) {
        expect(sameElement(viewer.dataset.get(tag)!, derived.dataset.get(tag))).toBe(true);
      }
      expect(brokenRules(source, viewer).filter(rule => !rule.includes('ratio'))).toEqual([]);
    }
  });

  test('a whole series: one series UID, as many instance UIDs as slices, dcentvfy quiet', async () => {
    const files = filesBelow('ct/CMB-CRC-MSB-01068_LUNG');
    const series = new Set<string>();
    const instances = new Set<string>();
    const written: string[] = [];
    for (const file of files) {
      const source = readData(file);
      const parsed = parsePart10(source);
      const { stored } = await decodeFrame(parsed);
      const { hu } = sliceFromStored(stored, naturalize(parsed));
      const derived = await deriveInstance({ source, hu, provenance, createdAt });
      series.add(derived.seriesInstanceUid);
      instances.add(derived.sopInstanceUid);
      written.push(join(folder, `series-${written.length}.dcm`));
      writeFileSync(written.at(-1)!, derived.part10);
    }
    expect([series.size, instances.size]).toEqual([1, files.length]);
    const originals = files.map(file => join(DATA, file));
    expect(dcentvfy([...originals, ...written])).toEqual(dcentvfy(originals));
  });

  test('text in every character set survives, in its own bytes', async () => {
    const texts = filesBelow('conformance/charset-private');
    const carrier = parsePart10(readData('conformance/broken/pydicom__CT_small.dcm'));
    const made: string[] = [];
    for (const path of texts) {
      const foreign = parsePart10(readData(path)).dataset;
      const dataset: Dataset = new Map(carrier.dataset);
      for (const [tag, element] of foreign) {
        const isPatient = tag >>> 16 === 0x0010 && (tag & 0xffff) !== 0;
        if (tag === 0x00080005 || isPatient || ('items' in element && (tag >>> 16) % 2 === 0))
          dataset.set(tag, element);
      }
      const source = part10(dataset);
      const { stored } = await decodeFrame(parsePart10(source));
      const hu = Float32Array.from(stored, value => value - 1024);
      const { part10: file } = await deriveInstance({ source, hu, provenance, createdAt });
      const name = basename(path);
      writeFileSync(join(folder, `source-${name}`), source);
      writeFileSync(join(folder, `derived-${name}`), file);
      made.push(name);
      const derived = parsePart10(file).dataset;
      for (const [tag, element] of dataset) {
        if (tag === 0x00080005 || tag >>> 16 === 0x0010)
          expect(sameElement(element, derived.get(tag))).toBe(true);
      }
    }
    const namesOf = (prefix: string) =>
      python(
        join(__dirname, 'texts.py'),
        made.map(name => join(folder, `${prefix}-${name}`)),
        '',
      )
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, string>);
    const [before, after] = [namesOf('source'), namesOf('derived')];
    for (const [index, name] of made.entries()) {
      for (const [keyword, value] of Object.entries(before[index]!)) {
        if (
          /^(Manufacturer|ManufacturerModelName|SoftwareVersions|SeriesDescription|StationName|DeviceSerialNumber)$/.test(
            keyword,
          )
        )
          continue;
        expect({ name, keyword, value: after[index]![keyword] }).toEqual({ name, keyword, value });
      }
    }
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: StoredPixels) =>
  Buffer.from(buffer, byteOffset, byteLength);

type Element = NonNullable<ReturnType<Dataset['get']>>;

/** Equal values, items and all; a VR may have become explicit, and an odd length even. */
function sameElement(one: Element, other: Element | undefined): boolean {
  if (!other) return false;
  if ('items' in one) {
    if (!('items' in other) || one.items.length !== other.items.length) return false;
    return one.items.every((item, i) => {
      const kept = [...item].filter(([tag]) => ((tag >>> 16) & 1) === 0 && (tag & 0xffff) !== 0);
      return kept.every(([tag, element]) => sameElement(element, other.items[i]!.get(tag)));
    });
  }
  if (!('value' in one) || !('value' in other)) return false;
  const extra = other.value.length - one.value.length;
  return (
    (extra === 0 || extra === 1) && Buffer.compare(one.value, other.value.subarray(0, one.value.length)) === 0
  );
}
