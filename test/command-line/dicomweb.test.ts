/** @jest-environment ./test/node-environment.cjs */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockSeries } from '../../cli/lock';
import { naturalize, parsePart10 } from '../../src/dicom';
import { startFaultServer, type FaultServer } from '../faults/server';
import { ctSeries, deadHolder, folderOf, removeTemporary, run, runJson, temporary } from './command';

/* Folder to archive, with what may happen to the archive and to the journal between two runs. */

afterAll(removeTemporary);

const COUNT = 5;
const series = ctSeries(COUNT);
let server: FaultServer;
let state: string;
beforeEach(async () => {
  server = await startFaultServer();
  state = await temporary();
});
afterEach(() => server.close());

const to = () => ['--to', server.url, '--state', state];
/** Series Time has whole seconds. */
const aSecondLater = () => new Promise(resolve => setTimeout(resolve, 1100));
const seriesTimes = () =>
  new Set(
    [...server.archive.values()].map(({ part10 }) => {
      const { SeriesDate, SeriesTime } = naturalize(parsePart10(part10));
      return `${String(SeriesDate)} ${String(SeriesTime)}`;
    }),
  );
/** Refuses the second instance of the series, whatever it is called. */
function refuseOne(): void {
  let refused: string | null = null;
  server.always = uids => {
    refused ??= uids[1] ?? null;
    return { kind: 'partly', status: 202, fail: uid => (uid === refused ? 0xc000 : null), body: 'json' };
  };
}

it('slices that come to the source while a store is open belong to it, and the series has one Series Time', async () => {
  const input = await folderOf(series);
  refuseOne();
  expect(await runJson([input, ...to()])).toMatchObject({ code: 4, series: [{ outcome: 'incomplete' }] });
  server.always = null;
  await folderOf(ctSeries(COUNT + 2).slice(COUNT), input);
  await aSecondLater();
  expect(await runJson([input, ...to()])).toMatchObject({ code: 0, series: [{ outcome: 'done' }] });
  expect(server.archive.size).toBe(COUNT + 2);
  expect(seriesTimes().size).toBe(1);
  expect(await readdir(join(state, 'journal'))).toEqual([]);
});

it('what the archive has lost since is made again, with the Series Time of the rest', async () => {
  const input = await folderOf(series);
  await runJson([input, ...to()]);
  const [lost] = server.archive.keys();
  server.archive.delete(lost!);
  await aSecondLater();
  const report = await runJson([input, ...to()]);
  expect(report).toMatchObject({ code: 0, series: [{ outcome: 'done', kept: COUNT - 1, written: 1 }] });
  expect([...server.archive.keys()]).toContain(lost);
  expect(seriesTimes().size).toBe(1);
});

it('what it has lost of an open store is made again too', async () => {
  const input = await folderOf(series);
  refuseOne();
  await runJson([input, ...to()]);
  server.always = null;
  const [lost] = server.archive.keys();
  server.archive.delete(lost!);
  expect(await runJson([input, ...to()])).toMatchObject({ code: 0, series: [{ outcome: 'done' }] });
  expect(server.archive.size).toBe(COUNT);
});

it('a journal that cannot be begun: target, exit code 7; one that breaks: incomplete, and the next run ends it', async () => {
  const input = await folderOf(series);
  const file = join(state, 'file');
  await writeFile(file, '');
  expect(await runJson([input, '--to', server.url, '--state', file])).toMatchObject({
    code: 7,
    error: expect.stringContaining('--state'),
    series: [],
  });
  const first = await runJson([input, '--dry-run']);
  expect(first.code).toBe(0);

  // A folder in the place of the journal's list, as soon as something is sent: as a disk that takes no more.
  server.always = () => {
    const [session] = readdirSync(join(state, 'journal')).filter(name => !name.endsWith('.lock'));
    const list = join(state, 'journal', session!, 'entries.jsonl');
    rmSync(list, { force: true });
    mkdirSync(list, { recursive: true });
    return null;
  };
  const broken = await runJson([input, ...to()]);
  expect(broken).toMatchObject({ code: 4, series: [{ outcome: 'incomplete' }] });
  expect(broken.series[0]!.notice).toMatchObject({ code: 'store-journal', what: expect.any(String) });
  server.always = null;
  expect(await runJson([input, ...to()])).toMatchObject({ code: 0 });
  expect(server.archive.size).toBe(COUNT);
});

describe('what is in the archive under our UIDs and in no journal of ours', () => {
  /** The derived series in the archive, every stored value of every `of` moved by `steps`, as if somebody else had stored it there first. */
  async function archived(steps: number, of: (index: number) => boolean = () => true): Promise<string[]> {
    const input = await folderOf(series);
    await runJson([input, ...to()]);
    state = await temporary();
    for (const [index, { sopInstanceUid }] of series.entries()) {
      if (!of(index)) continue;
      const [uid, instance] = [...server.archive].find(([, { part10 }]) => {
        const [source] = naturalize(parsePart10(part10))['SourceImageSequence'] as Reference[];
        return source!.ReferencedSOPInstanceUID === sopInstanceUid;
      })!;
      const part10 = instance.part10.slice();
      const at = part10.length - instance.pixels.length;
      const view = new DataView(part10.buffer, at);
      for (let i = 0; i < view.byteLength; i += 2)
        view.setInt16(i, view.getInt16(i, true) + (i % 4 === 0 ? steps : -steps), true);
      server.archive.set(uid, { ...instance, part10, pixels: part10.subarray(at) });
    }
    server.requests.length = 0;
    return [input, ...to()];
  }
  interface Reference {
    readonly ReferencedSOPInstanceUID: string;
  }

  it.each([
    ['the same pixels', 0],
    ['pixels of another kind of processor, one stored value away here and there', 1],
  ])('%s: kept, a sample computed again, nothing sent', async (_, steps) => {
    const report = await runJson(await archived(steps));
    expect(report).toMatchObject({
      code: 0,
      series: [{ outcome: 'done', kept: COUNT, written: 0, notice: null }],
    });
    expect(report.series[0]!.seconds.inference).toBeGreaterThan(0);
    expect(server.requests).toEqual([]);
    expect(await readdir(join(state, 'journal'))).toEqual([]);
  });

  it('other pixels: each is named, the series is not called done, the archive is left as it was', async () => {
    const argv = await archived(2);
    const before = [...server.archive.values()].map(({ part10 }) => part10);
    const report = await runJson(argv);
    expect(report).toMatchObject({
      code: 4,
      series: [{ outcome: 'incomplete', kept: 0, written: 0, notice: { code: 'store-mismatch' } }],
    });
    const { failed } = report.series[0]!;
    expect(failed.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(
      [...server.archive.keys()].sort(),
    );
    expect(failed[0]!.reason).toMatch(/other pixels/);
    expect(server.requests).toEqual([]);
    expect([...server.archive.values()].map(({ part10 }) => part10)).toEqual(before);
    expect((await run(argv)).stdout).toMatch(/INCOMPLETE[^]*Do not use the stored series/);
  });

  it('one in the sample and one outside it: one wrong answer, and all are compared', async () => {
    // Of five, the first, the middle and the last are the sample.
    const report = await runJson(await archived(2, index => index === 0 || index === 1));
    expect(report).toMatchObject({ code: 4, series: [{ outcome: 'incomplete', kept: COUNT - 2 }] });
    expect(report.series[0]!.failed).toHaveLength(2);
  });

  it('what is missing beside them is made and stored all the same', async () => {
    const argv = await archived(2);
    const [lost] = server.archive.keys();
    server.archive.delete(lost!);
    expect(await runJson(argv)).toMatchObject({
      code: 4,
      series: [{ outcome: 'incomplete', kept: 0, written: 1, notice: { code: 'store-mismatch' } }],
    });
    expect(server.requests).toEqual([[lost]]);
  });
});

describe('another run at the same series', () => {
  const lockOf = async (): Promise<string> => {
    refuseOne();
    await runJson([await folderOf(series), ...to()]);
    server.always = null;
    const [session] = await readdir(join(state, 'journal'));
    return join(state, 'journal', `${session}.lock`);
  };

  it('is left alone: busy, exit code 4, nothing sent', async () => {
    const lock = await lockSeries(await lockOf());
    const sent = server.requests.length;
    const argv = [await folderOf(series), ...to()];
    expect(await runJson(argv)).toMatchObject({ code: 4, series: [{ outcome: 'busy', written: 0 }] });
    expect((await run(argv)).stdout).toMatch(/another iscl-denoise is at work on it/);
    expect(server.requests.length).toBe(sent);
    await lock.release();
  });

  it('that took the series over while this one stood still gets it: nothing more is sent, exit code 4', async () => {
    const path = await lockOf();
    const before = server.archive.size;
    const thief = setInterval(() => {
      if (existsSync(path)) writeFileSync(path, JSON.stringify({ token: 'theirs', process: null }));
    }, 2);
    const report = await runJson([await folderOf(series), ...to()]);
    clearInterval(thief);
    expect(report).toMatchObject({ code: 4, series: [{ notice: { code: 'store-journal' } }] });
    expect(server.archive.size).toBe(before);
  });

  it.each([
    ['was killed', deadHolder],
    ['was killed while it wrote the lock', async () => '{"token"'],
  ])('that %s is none', async (_, lock) => {
    await writeFile(await lockOf(), await lock());
    expect(await runJson([await folderOf(series), ...to()])).toMatchObject({ code: 0 });
    expect(server.archive.size).toBe(COUNT);
  });
});
