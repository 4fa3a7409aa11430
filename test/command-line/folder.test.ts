/** @jest-environment ./test/node-environment.cjs */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ctInstance,
  ctSeries,
  filesIn,
  folderOf,
  imagesIn,
  removeTemporary,
  run,
  runJson,
  SERIES,
  temporary,
  withRubbishAbove12Bits,
} from './command';

afterAll(removeTemporary);

describe('a folder as people have them', () => {
  it('links are followed; what cannot be read is named, and the run is not called complete', async () => {
    const [one, other] = [await folderOf(ctSeries(2)), await temporary()];
    const [file] = await filesIn(one);
    await symlink(one, join(other, 'a-series'));
    await symlink(other, join(other, 'in-a-circle'));
    await symlink(join(one, file!), join(other, 'the-same-image-again'));
    expect(await runJson([other, await temporary()])).toMatchObject({
      code: 0,
      ignoredFiles: 1,
      unreadable: [],
      series: [{ slices: 2, written: 2 }],
    });
    await symlink(join(one, 'nowhere'), join(other, 'gone.dcm'));
    // A file that opens and gives an error when it is read.
    await symlink('/proc/self/mem', join(other, 'damaged-disk.dcm'));
    expect(await runJson([other, await temporary()])).toMatchObject({
      code: 4,
      unreadable: [
        { file: 'gone.dcm', what: 'it cannot be read: a part of the path does not exist (ENOENT)' },
        { file: 'damaged-disk.dcm', what: 'it cannot be read: the disk reports an error (EIO)' },
      ],
      series: [{ outcome: 'done', written: 2 }],
    });
  });

  it('several patients in nested folders: each series by itself', async () => {
    const input = await temporary();
    await folderOf(ctSeries(2, { series: '2.25.11', study: '2.25.1' }), join(input, 'a', 'b', 'c'));
    await folderOf(ctSeries(3, { series: '2.25.12', study: '2.25.2' }), join(input, 'a', 'b'));
    await folderOf(ctSeries(1, { series: '2.25.13', study: '2.25.2' }), input);
    const output = await temporary();
    const { code, series: reports } = await runJson([input, output]);
    expect(code).toBe(0);
    expect(reports.map(({ seriesInstanceUid, written }) => [seriesInstanceUid, written]).sort()).toEqual([
      ['2.25.11', 2],
      ['2.25.12', 3],
      ['2.25.13', 1],
    ]);
    expect(new Set((await imagesIn(output)).map(file => file.split('/')[0])).size).toBe(3);
  });

  it.each<[string, Parameters<typeof ctInstance>[1]]>([
    ['other pixels', { seed: 77 }],
    ['another study', { study: '2.25.4' }],
  ])(
    'a second image under one SOP Instance UID, with %s, is named and not silently left out',
    async (_, made) => {
      const input = await folderOf(ctSeries(2));
      const copy = join(input, 'copy');
      await mkdir(copy);
      await writeFile(join(copy, 'twin.dcm'), ctInstance(1, made).part10);
      expect(await runJson([input, await temporary()])).toMatchObject({
        code: 8,
        unreadable: [
          { file: 'copy/twin.dcm', what: expect.stringContaining(`${SERIES}.1, which is another`) },
        ],
        series: [{ outcome: 'done', written: 2 }],
      });
    },
  );

  it('a copy without the rubbish above Bits Stored is the same slice', async () => {
    const slices = ctSeries(2, { attributes: { BitsStored: 12, HighBit: 11 } });
    const input = await folderOf(slices);
    await writeFile(join(input, 'as-it-was-archived.dcm'), withRubbishAbove12Bits(slices[0]!).part10);
    expect(await runJson([input, await temporary()])).toMatchObject({
      code: 0,
      ignoredFiles: 1,
      unreadable: [],
      series: [{ outcome: 'done', written: 2 }],
    });
  });

  it.each([
    ['cannot be denoised', { RescaleSlope: undefined, RescaleIntercept: undefined }],
    ['has other HU', { RescaleIntercept: -1024 }],
  ])('a twin with the same pixel words that %s is named too', async (_, attributes) => {
    const input = await folderOf(ctSeries(2));
    // It is read first, by its path.
    await writeFile(join(input, '0.dcm'), ctInstance(1, { attributes }).part10);
    const report = await runJson([input, await temporary()]);
    expect(report).toMatchObject({
      code: 8,
      unreadable: [{ what: expect.stringContaining('of 0.dcm, which is another image'), conflict: true }],
    });
  });

  describe('exit code 8 where running again is no use, 4 where it may help', () => {
    const sameUid = { SOPInstanceUID: `${SERIES}.1` };
    const oneUid = [1, 2, 3, 4].map(n => ({
      name: `${n - 1}.dcm`,
      part10: ctInstance(n, { seed: n, attributes: sameUid }).part10,
    }));
    const written = async (files: readonly { name: string; part10: Uint8Array }[]) => {
      const input = await temporary();
      for (const { name, part10 } of files) await writeFile(join(input, name), part10);
      return input;
    };
    it('one SOP Instance UID for all slices', async () => {
      const input = await written(oneUid);
      const output = await temporary();
      const { code, stdout } = await run([input, output]);
      expect(code).toBe(8);
      expect(stdout).toMatch(/left out: 3\.dcm: [^]*Running again changes nothing/);
      expect(stdout).not.toContain('run again');
      expect((await run([input, output])).code).toBe(8);
    });
    it('the same before anything is written', async () => {
      expect((await run(['--dry-run', await written(oneUid)])).code).toBe(8);
    });
    it('two of them in another series', async () => {
      const [first] = oneUid;
      const other = ctInstance(2, { series: `${SERIES}.9`, attributes: sameUid }).part10;
      const input = await written([first!, { name: 'other.dcm', part10: other }]);
      expect((await run([input, await temporary()])).code).toBe(8);
    });
    it('beside a file that may be whole another time', async () => {
      const input = await written([
        ...oneUid,
        { name: 'cut.dcm', part10: oneUid[0]!.part10.subarray(0, 900) },
      ]);
      expect((await run([input, await temporary()])).code).toBe(4);
    });
    it('copies of one image are no conflict', async () => {
      const [first] = oneUid;
      expect(
        (await run([await written([first!, { ...first!, name: 'copy.dcm' }]), await temporary()])).code,
      ).toBe(0);
    });
  });

  it('a slice whose UID is none is named, and neither its series nor the next one stops for it', async () => {
    const [first, ...rest] = ctSeries(3);
    const part10 = first!.part10.slice();
    // A space inside the UID; the first occurrence is the file meta information's copy, which does not count.
    const uid = Buffer.from(part10.buffer).lastIndexOf(`${SERIES}.1`);
    part10[uid + 1] = 0x20;
    const input = await folderOf([{ ...first!, part10 }, ...rest, ...ctSeries(2, { series: '2.25.8' })]);
    const output = await temporary();
    const report = await runJson([input, output]);
    expect(report).toMatchObject({ code: 4, error: null });
    expect(report.series).toMatchObject([
      { outcome: 'incomplete', written: 2, failed: [{ reason: expect.stringContaining('UID') }] },
      { outcome: 'done', written: 2 },
    ]);
    expect(await imagesIn(output)).toHaveLength(4);
  });

  it('tells how far it is, up to the last slice', async () => {
    const { stderr } = await run([await folderOf(ctSeries(3)), await temporary()]);
    expect(stderr).toMatch(/Reading: 0 of 3 files/);
    expect(stderr).toMatch(/Series 1 of 1: 1 of 3 slices, about \d+ s left/);
    expect(stderr.trim().split('\n').at(-1)).toBe('Series 1 of 1: 3 of 3 slices');
  });
});
