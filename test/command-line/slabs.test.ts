/** @jest-environment ./test/node-environment.cjs */
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sliceFromStored, type CtSlice } from '../../src/ct';
import { DenoiseJob } from '../../src/denoise';
import { decodeFrame, naturalize, parsePart10, pixelHashOf } from '../../src/dicom';
import { mixOf, MIX_MANIFEST } from '../../src/engine/fixtures';
import { createNodeEngine } from '../../src/engine/node';
import { derivedSeries, provenanceOf } from '../../src/series';
import { ctInstance, folderOf, imagesIn, removeTemporary, runJson, temporary } from './command';
import type { MadeInstance } from '../store/instances';

/* The command with a model of 5 slices in and 3 out, and the job as a viewer drives it: the same files, whatever is scrolled to. */

afterAll(removeTemporary);

const MODEL = ['--model', MIX_MANIFEST];
/** Slices at these positions along z; the files come in an order that is not theirs. */
const seriesAt = (positions: readonly number[], seed = (i: number) => i) =>
  positions.map((z, i) =>
    ctInstance(i + 1, { seed: seed(i), attributes: { ImagePositionPatient: [0, 0, z] } }),
  );
const even = (count: number) => Array.from({ length: count }, (_, i) => i);

/** SHA-256 of the pixels of each file, by SOP Instance UID. */
async function hashesIn(folder: string): Promise<Record<string, string>> {
  const hashes = (await imagesIn(folder)).map(async file => {
    const { stored } = await decodeFrame(parsePart10(await readFile(join(folder, file))));
    return [basename(file, '.dcm'), await pixelHashOf(stored)];
  });
  return Object.fromEntries((await Promise.all(hashes)) as [string, string][]);
}

/** Source slices by SOP Instance UID of what was made of them. */
async function sourcesIn(folder: string): Promise<[string, string[]][]> {
  const read = (await imagesIn(folder)).map(async file => {
    const { SOPInstanceUID, SourceImageSequence } = naturalize(
      parsePart10(await readFile(join(folder, file))),
    );
    const sources = SourceImageSequence as { ReferencedSOPInstanceUID: string }[];
    return [SOPInstanceUID, sources.map(({ ReferencedSOPInstanceUID }) => ReferencedSOPInstanceUID)];
  });
  return (await Promise.all(read)) as [string, string[]][];
}

const settled = () => new Promise(resolve => setTimeout(resolve, 3));

/** The job on the same series as a viewer has it, driven by `during`; what it would save. */
async function viewerHashes(
  made: readonly MadeInstance[],
  during: (job: DenoiseJob, uids: readonly string[]) => Promise<void>,
): Promise<Record<string, string>> {
  const engine = createNodeEngine({ manifestPath: MIX_MANIFEST, threads: 1 });
  const slices = await Promise.all(
    made.map(async ({ part10 }): Promise<CtSlice> => {
      const parsed = parsePart10(part10);
      const instance = naturalize(parsed);
      const { stored } = await decodeFrame(parsed);
      return { instance, loadHu: async () => sliceFromStored(stored, instance) };
    }),
  );
  const { StudyInstanceUID: studyInstanceUid, SeriesInstanceUID: seriesInstanceUid } = slices[0]!.instance;
  const job = new DenoiseJob({ series: { studyInstanceUid, seriesInstanceUid, slices }, engine });
  const uids = made.map(({ sopInstanceUid }) => sopInstanceUid);
  await during(job, uids);
  expect(job.snapshot).toMatchObject({ state: 'done', progress: { done: made.length } });
  const hashes: Record<string, string> = {};
  const instances = derivedSeries({
    slices,
    results: uids.map(uid => job.result(uid)!),
    strength: 1,
    provenance: ({ provider }) =>
      provenanceOf(
        job.snapshot.engine!,
        provider,
        1,
        [],
        slices.map(({ instance }) => instance.SOPInstanceUID),
      ),
    header: async ({ instance }) => ({ instance }),
    createdAt: new Date(),
  });
  for await (const { sopInstanceUid, pixelHash } of instances) hashes[sopInstanceUid] = pixelHash;
  await engine.dispose();
  return hashes;
}

/** The made slices are noise up to the edge of the field. */
const FILLED = { code: 'cut-off-outside-domain' };

test('the same UIDs and pixels as the job in any order of scrolling, with pause, cancel and resume', async () => {
  const series = seriesAt(even(20));
  const [input, output] = [await folderOf(series), await temporary()];
  const report = await runJson([input, output, ...MODEL]);
  expect(report.series).toMatchObject([{ outcome: 'done', written: 20, verdict: { warnings: [FILLED] } }]);
  const expected = await hashesIn(output);
  expect(Object.keys(expected)).toHaveLength(20);

  const start = async (job: DenoiseJob) => void (await job.start());
  expect(await viewerHashes(series, start)).toEqual(expected);
  expect(await viewerHashes([...series].reverse(), start)).toEqual(expected);
  const scrolled = async (job: DenoiseJob, uids: readonly string[]) => {
    const asked = [7, 19, 1, 12].map(i => job.request(uids[i]!).catch(() => undefined));
    let ended = job.start();
    for (const [i, at] of [4, 17, 0, 9, 13].entries()) {
      await settled();
      job.focus(uids[at]!);
      const { state } = job.snapshot;
      if (i % 2 === 0 && state === 'running') job.pause();
      else if (state === 'paused') job.resume();
      else if (state === 'running') job.cancel();
      if (job.snapshot.state === 'cancelled') ended = job.start();
    }
    if (job.snapshot.state === 'paused') job.resume();
    await ended;
    await Promise.all(asked);
    if (job.snapshot.state === 'cancelled') await job.start();
  };
  expect(await viewerHashes(series, scrolled)).toEqual(expected);
});

test('each result is of the slice and its neighbours, the ends repeated, and lists what was read', async () => {
  const series = seriesAt(even(7));
  const [input, output] = [await folderOf(series), await temporary()];
  await runJson([input, output, ...MODEL]);
  const hu = await Promise.all(
    series.map(async ({ part10 }) => (await decodeFrame(parsePart10(part10))).stored),
  );
  const sources = new Map((await sourcesIn(output)).map(([uid, read]) => [read[0]!, { uid, read }]));
  const [folder] = await imagesIn(output);
  const at = (i: number) => hu[Math.min(6, Math.max(0, i))]!;
  for (const [i, { sopInstanceUid }] of series.entries()) {
    const { uid, read } = sources.get(sopInstanceUid)!;
    const file = await readFile(join(output, folder!.split('/')[0]!, `${uid}.dcm`));
    const { stored } = await decodeFrame(parsePart10(file));
    for (const at64 of [0, 100, 4095]) {
      const expected = mixOf(at(i - 1)[at64]!, at(i)[at64]!, at(i + 1)[at64]!);
      expect(Math.abs(stored[at64]! - expected)).toBeLessThanOrEqual(0.51);
    }
    const k = Math.floor(i / 3);
    const slab = series.slice(Math.max(0, 3 * k - 1), 3 * k + 4).map(other => other.sopInstanceUid);
    expect([...read].sort()).toEqual([...slab].sort());
  }
});

test('a gap: nothing is read across it, and the report warns', async () => {
  const series = seriesAt([0, 1, 2, 3, 10, 11, 12, 13]);
  const [input, output] = [await folderOf(series), await temporary()];
  const report = await runJson([input, output, ...MODEL]);
  expect(report.series).toMatchObject([
    {
      outcome: 'done',
      written: 8,
      verdict: {
        warnings: [{ code: 'slices-missing', gaps: 1 }, { code: 'slices-interrupted', parts: 2 }, FILLED],
      },
    },
  ]);
  const low = new Set(series.slice(0, 4).map(({ sopInstanceUid }) => sopInstanceUid));
  for (const [, read] of await sourcesIn(output)) expect(new Set(read.map(uid => low.has(uid))).size).toBe(1);
});

test('run again: what is there is kept, what is gone is made again from the same neighbours', async () => {
  const series = seriesAt(even(11));
  const [input, output] = [await folderOf(series), await temporary()];
  await runJson([input, output, ...MODEL]);
  const before = await hashesIn(output);
  const again = await runJson([input, output, ...MODEL]);
  expect(again.series).toMatchObject([{ outcome: 'done', kept: 11, written: 0, seconds: { inference: 0 } }]);
  const files = await imagesIn(output);
  for (const i of [0, 4, 10]) await rm(join(output, files[i]!));
  const repaired = await runJson([input, output, ...MODEL]);
  expect(repaired.series).toMatchObject([{ outcome: 'done', kept: 8, written: 3 }]);
  expect(await hashesIn(output)).toEqual(before);
});

test('another pixel in one slice changes the UIDs of the slabs that read it, and no other', async () => {
  const positions = even(12);
  const [one, two] = [await temporary(), await temporary()];
  await runJson([await folderOf(seriesAt(positions)), one, ...MODEL]);
  await runJson([await folderOf(seriesAt(positions, i => (i === 5 ? 99 : i))), two, ...MODEL]);
  const [before, after] = [new Map(await sourcesIn(one)), new Map(await sourcesIn(two))];
  const changed = [...before]
    .filter(([uid]) => !after.has(uid))
    .map(([, read]) => read[0]!.split('.').at(-1));
  expect(changed.map(Number).sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9]);
});

test('a slice that arrives late makes another series, and no instance of the first comes into it', async () => {
  const output = await temporary();
  const made = async (positions: readonly number[]) => {
    const report = await runJson([await folderOf(seriesAt(positions)), output, ...MODEL]);
    expect(report.series).toMatchObject([{ outcome: 'done', kept: 0, written: positions.length }]);
  };
  await made(even(8));
  await made(even(9));
  const files = await imagesIn(output);
  expect(files).toHaveLength(17);
  const series = new Set(files.map(file => file.split('/')[0]));
  expect(series.size).toBe(2);
  expect(new Set(files.map(file => basename(file))).size).toBe(17);
});
