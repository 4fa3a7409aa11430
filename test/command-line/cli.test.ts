/** @jest-environment ./test/node-environment.cjs */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRODUCT, sliceFromStored } from '../../src/ct';
import { blend } from '../../src/denoise';
import { provenanceOf } from '../../src/series';
import { decodeFrame, deriveInstance, naturalize, parsePart10 } from '../../src/dicom';
import { createNodeEngine } from '../../src/engine/node';
import {
  ctInstance,
  deadHolder,
  ctSeries,
  filesIn,
  imagesIn,
  folderOf,
  MODELS,
  removeTemporary,
  run,
  runJson,
  SERIES,
  temporary,
  withRubbishAbove12Bits,
} from './command';

afterAll(removeTemporary);

const pixelsOf = async (file: string) => (await decodeFrame(parsePart10(await readFile(file)))).stored;

describe('folder to folder', () => {
  const series = ctSeries(5);

  it('writes a new series of the same length and leaves the source alone', async () => {
    const [input, output] = [await folderOf(series), await temporary()];
    const report = await runJson([input, output]);
    expect(report).toMatchObject({ code: 0, exitCode: 0, strength: 1, error: null, unreadable: [] });
    expect(report.series).toMatchObject([
      { outcome: 'done', slices: 5, written: 5, kept: 0, failed: [], provider: 'cpu' },
    ]);
    const [derived] = report.series;
    const files = await imagesIn(output);
    expect(files).toHaveLength(5);
    for (const file of files) {
      const { SeriesInstanceUID, SOPInstanceUID, SourceImageSequence } = naturalize(
        parsePart10(await readFile(join(output, file))),
      );
      expect(file).toBe(join(derived!.derivedSeriesInstanceUid!, `${SOPInstanceUID}.dcm`));
      expect(SeriesInstanceUID).toBe(derived!.derivedSeriesInstanceUid);
      const [source] = SourceImageSequence as { ReferencedSOPInstanceUID: string }[];
      expect(series.map(({ sopInstanceUid }) => sopInstanceUid)).toContain(source!.ReferencedSOPInstanceUID);
    }
    for (const { sopInstanceUid, part10 } of series) {
      expect(Buffer.compare(await readFile(join(input, SERIES, sopInstanceUid)), part10)).toBe(0);
    }
  });

  const twelve = ctInstance(1, { attributes: { BitsStored: 12, HighBit: 11 } });
  it.each([
    ['16 bits stored', series[0]!, series[0]!],
    // A viewer's decoder has them no more.
    ['12 bits stored and rubbish above them', twelve, withRubbishAbove12Bits(twelve)],
  ])('gives the UIDs and pixels of the viewer for the same provider and settings: %s', async (...given) => {
    const [, seen, file] = given;
    const [input, output] = [await folderOf([file]), await temporary()];
    await runJson([input, output, '--strength', '55']);
    const parsed = parsePart10(seen.part10);
    const instance = naturalize(parsed);
    const { stored } = await decodeFrame(parsed);
    const engine = createNodeEngine({ manifestPath: join(MODELS, 'manifest.json') });
    const info = await engine.prepare();
    const source = sliceFromStored(stored, instance);
    const { hu } = await engine.denoise({ ...source, hu: source.hu.slice() });
    await engine.dispose();
    // What a viewer has: a naturalised dataset and decoded pixels, no Part 10.
    const viewers = await deriveInstance({
      source: { instance, stored },
      hu: blend(source, Int16Array.from(hu, Math.round), 55 / 100),
      provenance: provenanceOf(info, 'cpu', 55 / 100, [], []),
      createdAt: new Date(),
    });
    const [derived] = await imagesIn(output);
    expect(derived).toBe(join(viewers.seriesInstanceUid, `${viewers.sopInstanceUid}.dcm`));
    expect(await pixelsOf(join(output, derived!))).toEqual(
      (await decodeFrame(parsePart10(viewers.part10))).stored,
    );
  });

  it('another strength is another series; the same settings are the same UIDs', async () => {
    const [input, one, two] = [await folderOf(series), await temporary(), await temporary()];
    await runJson([input, one]);
    await runJson([input, two]);
    expect(await imagesIn(one)).toEqual(await imagesIn(two));
    await runJson([input, one, '--strength', '50']);
    expect(await imagesIn(one)).toHaveLength(10);
  });
});

describe('run again', () => {
  it('keeps what is whole without computing it, and makes again what is cut off or gone', async () => {
    const [input, output] = [await folderOf(ctSeries(6)), await temporary()];
    await runJson([input, output]);
    const files = (await imagesIn(output)).map(file => join(output, file));
    const before = await Promise.all(
      files.map(async file => ({ pixels: await pixelsOf(file), time: (await stat(file)).mtimeMs })),
    );

    const again = await runJson([input, output]);
    expect(again.series).toMatchObject([{ outcome: 'done', kept: 6, written: 0, seconds: { inference: 0 } }]);

    await truncate(files[1]!, 3000);
    await rm(files[4]!);
    await writeFile(`${files[0]}.part`, 'what a crash leaves');
    const repaired = await runJson([input, output]);
    expect(repaired.series).toMatchObject([{ outcome: 'done', kept: 4, written: 2 }]);
    expect((await imagesIn(output)).map(file => join(output, file))).toEqual(files);
    for (const [i, file] of files.entries()) {
      expect(await pixelsOf(file)).toEqual(before[i]!.pixels);
      if (i !== 1 && i !== 4) expect((await stat(file)).mtimeMs).toBe(before[i]!.time);
    }
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['a flipped bit in the last pixel', bytes => void (bytes[bytes.length - 1]! ^= 1)],
    ['a flipped bit in the header', bytes => void (bytes[400]! ^= 1)],
  ])('%s is found and made again, and sha256sum agrees', async (_, damage) => {
    const [input, output] = [await folderOf(ctSeries(3)), await temporary()];
    await runJson([input, output]);
    const [, file] = await imagesIn(output);
    const path = join(output, file!);
    const pixels = await pixelsOf(path);
    const bytes = await readFile(path);
    damage(bytes);
    await writeFile(path, bytes);
    expect(await runJson([input, output])).toMatchObject({ code: 0, series: [{ kept: 2, written: 1 }] });
    expect(await pixelsOf(path)).toEqual(pixels);
    const [list] = (await filesIn(output)).filter(name => name.endsWith('.sha256'));
    const checked = execFileSync('sha256sum', ['-c', list!], { cwd: output, encoding: 'utf8' });
    expect(checked.trim().split('\n')).toHaveLength(3);
    expect((await runJson([input, output])).series).toMatchObject([{ kept: 3, written: 0 }]);
  });

  it('a file that no digest vouches for is made again: the list torn or gone', async () => {
    const [input, output] = [await folderOf(ctSeries(3)), await temporary()];
    await runJson([input, output]);
    const [list] = (await filesIn(output)).filter(name => name.endsWith('.sha256'));
    await truncate(join(output, list!), (await stat(join(output, list!))).size - 20);
    expect((await runJson([input, output])).series).toMatchObject([{ kept: 2, written: 1 }]);
    await rm(join(output, list!));
    expect((await runJson([input, output])).series).toMatchObject([{ kept: 0, written: 3 }]);
    expect((await runJson([input, output])).series).toMatchObject([{ kept: 3, written: 0 }]);
  });

  it('a target that takes no more: incomplete, what is done is kept, the rest comes later', async () => {
    const [input, output] = [await folderOf(ctSeries(4)), await temporary()];
    await runJson([input, output]);
    const [, second] = await imagesIn(output);
    // A folder where a file must go: the rename fails.
    await rm(join(output, second!));
    await mkdir(join(output, second!, 'in-the-way'), { recursive: true });
    const broken = await runJson([input, output]);
    expect(broken).toMatchObject({
      code: 4,
      series: [{ outcome: 'incomplete', kept: 3, notice: { code: 'save-folder' } }],
    });
    expect((await filesIn(output)).filter(file => file.endsWith('.part'))).toEqual([]);
    await rm(join(output, second!), { recursive: true });
    expect(await runJson([input, output])).toMatchObject({
      code: 0,
      series: [{ outcome: 'done', kept: 3, written: 1 }],
    });
    expect((await imagesIn(output)).filter(file => file.endsWith('.part'))).toEqual([]);
  });

  it('what is made later has the Series Date and Time of the rest; another host at work is left alone', async () => {
    const [input, output] = [await folderOf(ctSeries(3)), await temporary()];
    await runJson([input, output]);
    const files = await imagesIn(output);
    await rm(join(output, files[1]!));
    const lock = join(output, `${files[0]!.split('/')[0]}.lock`);
    await writeFile(lock, JSON.stringify({ token: 'theirs', process: null }));
    const beat = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), 500);
    // Series Time has whole seconds.
    await new Promise(resolve => setTimeout(resolve, 1100));
    expect(await runJson([input, output])).toMatchObject({ code: 4, series: [{ outcome: 'busy' }] });
    expect(await imagesIn(output)).not.toContain(files[1]);
    clearInterval(beat);
    // Its holder was killed.
    await writeFile(lock, await deadHolder());
    expect(await runJson([input, output])).toMatchObject({ code: 0, series: [{ kept: 2, written: 1 }] });
    const read = await Promise.all(
      files.map(async file => naturalize(parsePart10(await readFile(join(output, file))))),
    );
    expect(new Set(read.map(({ SeriesTime }) => String(SeriesTime))).size).toBe(1);
    expect(new Set(read.map(({ ContentTime }) => String(ContentTime))).size).toBe(2);
    expect((await filesIn(output)).filter(file => file.endsWith('.lock'))).toEqual([]);
  });

  it('a changed source is not taken for the old one', async () => {
    const [input, output] = [await folderOf([ctInstance(1)]), await temporary()];
    await runJson([input, output]);
    await folderOf([ctInstance(1, { seed: 5 })], input);
    expect((await runJson([input, output])).series).toMatchObject([{ kept: 0, written: 1 }]);
    expect(await imagesIn(output)).toHaveLength(2);
  });
});

describe('what is not denoised', () => {
  const localizer = ctInstance(1, {
    series: '2.25.7',
    attributes: { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] },
  });

  it('--dry-run lists verdicts and writes nothing', async () => {
    const input = await folderOf([...ctSeries(2), localizer]);
    const output = await temporary();
    const report = await runJson([input, output, '--dry-run']);
    expect(report.code).toBe(0);
    expect(report.series.map(({ seriesInstanceUid, outcome }) => [seriesInstanceUid, outcome])).toEqual([
      [SERIES, 'listed'],
      ['2.25.7', 'refused'],
    ]);
    expect(report.series[1]!.verdict).toMatchObject({ reasons: [{ code: 'localizer' }] });
    expect(await filesIn(output)).toEqual([]);
    expect((await run([input, '--dry-run'])).stdout).toContain('would be denoised');
  });

  it('a refused series does not stop the others, and all refused is its own exit code', async () => {
    const output = await temporary();
    expect(await runJson([await folderOf([...ctSeries(2), localizer]), output])).toMatchObject({ code: 0 });
    expect(await runJson([await folderOf([localizer]), output])).toMatchObject({
      code: 3,
      series: [{ outcome: 'refused' }],
    });
  });

  it('its own output is refused', async () => {
    const output = await temporary();
    await runJson([await folderOf(ctSeries(2)), output]);
    const report = await runJson([output, await temporary()]);
    expect(report).toMatchObject({
      code: 3,
      series: [{ verdict: { reasons: [{ code: 'already-denoised' }] } }],
    });
  });

  it('a damaged DICOM file is named and the run is not called complete; other files are ignored', async () => {
    const input = await folderOf(ctSeries(2));
    await writeFile(join(input, 'broken.dcm'), ctInstance(9).part10.subarray(0, 700));
    await writeFile(join(input, 'notes.txt'), 'hello');
    const report = await runJson([input, await temporary()]);
    expect(report).toMatchObject({
      code: 4,
      ignoredFiles: 1,
      unreadable: [{ file: 'broken.dcm' }],
      series: [{ outcome: 'done', written: 2 }],
    });
  });
});

describe('what cannot be done', () => {
  it.each([
    [[]],
    [['in']],
    [['in', 'out', 'more']],
    [['in', 'out', '--strength', '101']],
    [['in', 'out', '--strength', '0']],
    [['in', 'out', '--strength', '']],
    [['in', 'out', '--provider', 'cuda']],
    [['in', 'out', '--threads', '0']],
    [['in', 'out', '--study', '1.2']],
    [['--from', 'http://localhost', 'out']],
    [['--from', 'ftp://localhost', '--study', '1.2', 'out']],
    [['--from', 'http://localhost', '--study', 'x', 'out']],
    [['in', 'out', '--nonsense']],
    [['in', 'out', '--timeout', '0']],
    [['in', 'out', '--timeout', 'long']],
    [['in', 'out', '--model', './nowhere.onnx']],
  ])('usage: %j', async argv => {
    const { code, stderr, stdout } = await run(argv);
    expect(code).toBe(2);
    expect(stderr + stdout).not.toBe('');
  });

  it('no source, no image, no target, no model: each its own exit code and a sentence', async () => {
    const input = await folderOf(ctSeries(1));
    const output = await temporary();
    const file = join(output, 'file');
    await writeFile(file, '');
    expect(await runJson([join(input, 'nowhere'), output])).toMatchObject({
      code: 5,
      error: expect.stringContaining('nowhere'),
    });
    expect(await runJson([output, output])).toMatchObject({ code: 5 });
    expect(await runJson([input, join(file, 'below')])).toMatchObject({
      code: 7,
      error: expect.stringContaining('cannot be written'),
    });
    expect(await runJson([input, output, '--model', 'no-such-id'])).toMatchObject({ code: 6 });
    const refused = ['--from', 'http://127.0.0.1:9/dicom-web', '--study', '1.2'];
    expect((await run([...refused, output])).code).toBe(5);
  });

  it('a model file that is not the one of its card is not run', async () => {
    const models = await temporary();
    const manifest = await readFile(join(MODELS, 'manifest.json'), 'utf8');
    const { models: cards } = JSON.parse(manifest) as { models: { file: string }[] };
    await writeFile(join(models, 'manifest.json'), manifest);
    await writeFile(join(models, cards[0]!.file), 'not this one');
    const output = await temporary();
    const report = await runJson([
      await folderOf(ctSeries(1)),
      output,
      '--model',
      join(models, cards[0]!.file),
    ]);
    expect(report.code).toBe(6);
    expect(await filesIn(output)).toEqual([]);
  });
});

it('the version in the UIDs is that of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(PRODUCT.version).toBe(version);
  expect((await run(['--version'])).stdout).toBe(`ISCL CT Denoise ${version}\n`);
});
