import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Report } from '../../cli/report';
import { naturalize, parsePart10, type ParsedInstance } from '../../src/dicom';
import { imagesIn } from '../command-line/command';
import { command } from '../process';
import { DATA, describeWithData, filesBelow } from './corpus';
import { brokenRules } from './silent-rules';
import { dcentvfy, dciodvfy, dcmdump, missingTools } from './tools';

/* What the command makes of real series with the shipped slab model, under the eyes of dicom3tools and dcmtk. */

/** Makers, tilt, padding and compression of every kind, and a gap, at which slabs end. */
const SERIES: readonly { readonly folder: string; readonly without?: number }[] = [
  { folder: 'ct/ACRIN-013_B10f_5mm', without: 4 },
  { folder: 'ct/ACRIN-001_PETCT_abdomen_lowdose' },
  { folder: 'phantom/plastic-head_tilt16.5' },
  { folder: 'stacks/NLST-101287_FC51_2mm' },
];
/** Three slabs, the last of one slice. */
const SLICES = 7;

interface Derived {
  readonly file: string;
  readonly source: string;
  readonly parsed: ParsedInstance;
}

jest.setTimeout(300_000);

describeWithData('instances of a slab model under independent eyes', () => {
  const missing = missingTools();
  if (missing.length > 0) {
    process.stdout.write(`skipped: validation of slab instances: not installed: ${missing.join(', ')}\n`);
    test.skip('needs dicom3tools, dcmtk and gdcm', () => undefined);
    return;
  }
  let root: string;
  beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'iscl-slabs-'))));
  afterAll(() => rm(root, { recursive: true }));

  describe.each(SERIES)('$folder', ({ folder, without }) => {
    const sources: string[] = [];
    const derived: Derived[] = [];

    beforeAll(async () => {
      const files = filesBelow(folder).slice(0, SLICES);
      const [input, output] = [join(root, basename(folder)), join(root, `${basename(folder)}-derived`)];
      for (const file of files.filter((_, i) => i !== without)) {
        await cp(join(DATA, file), join(input, basename(file)));
        sources.push(join(input, basename(file)));
      }
      // A process of its own: in jest's sandbox the command takes several times as long.
      const more = ['--json', '--threads', '1', '--guards', 'warn'];
      const argv = [resolve('cli/iscl-denoise.mjs'), input, output, ...more];
      const report = JSON.parse(await command(process.execPath, argv)) as Report;
      expect(report).toMatchObject({ model: { id: 'ct-slab-fast' }, series: [{ outcome: 'done' }] });
      const uids = new Map(sources.map(path => [read(path).uid, path]));
      for (const name of await imagesIn(output)) {
        const file = join(output, name);
        const { parsed, references } = read(file);
        derived.push({ file, source: uids.get(references[0]!)!, parsed });
      }
    });

    test('one instance for each slice, with the slices that were read', () => {
      expect(new Set(derived.map(({ source }) => source))).toEqual(new Set(sources));
      const own = sources.map(source => read(source).uid);
      for (const { file } of derived) {
        const { references } = read(file);
        expect(new Set(references).size).toBe(references.length);
        expect(references.length).toBeGreaterThan(1);
        expect(references.filter(uid => !own.includes(uid))).toEqual([]);
      }
    });
    test('dciodvfy finds nothing that it does not find in the source', () => {
      for (const { file, source } of derived) {
        const known = new Set(dciodvfy(source));
        expect(dciodvfy(file).filter(message => !known.has(message))).toEqual([]);
      }
    });
    test('dcentvfy is quiet about originals and derived series together', () => {
      const all = [...sources, ...derived.map(({ file }) => file)];
      expect(dcentvfy(all)).toEqual(dcentvfy(sources));
    });
    test('dcmtk reads it, and it keeps the rules that dciodvfy is silent on', () => {
      for (const { file, source, parsed } of derived) {
        expect(dcmdump(file)).toEqual([]);
        expect(brokenRules(parsePart10(bytesOf(source)), parsed)).toEqual([]);
      }
    });
  });
});

const bytesOf = (path: string) => Uint8Array.from(readFileSync(path));

function read(path: string) {
  const parsed = parsePart10(bytesOf(path));
  const { SOPInstanceUID: uid, SourceImageSequence: images = [] } = naturalize(parsed);
  const references = (images as { ReferencedSOPInstanceUID: string }[]).map(
    ({ ReferencedSOPInstanceUID }) => ReferencedSOPInstanceUID,
  );
  return { parsed, uid, references };
}
