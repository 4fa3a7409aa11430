/** @jest-environment ./test/node-environment.cjs */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, parsePart10 } from '../../src/dicom';
import { DicomWebClient, memoryJournal, storeInstances } from '../../src/store';
import {
  ctSeries,
  imagesIn,
  folderOf,
  removeTemporary,
  runJson,
  SERIES,
  STUDY,
  temporary,
} from '../command-line/command';
import { startFaultServer } from '../faults/server';
import { NO_ORTHANC, startOrthanc, type Orthanc } from './orthanc';

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);

const COUNT = 12;
const series = ctSeries(COUNT);

(NO_ORTHANC ? describe.skip : describe)('iscl-denoise and a real Orthanc', () => {
  let orthanc: Orthanc;
  let state: string;

  beforeAll(async () => {
    orthanc = await startOrthanc();
    state = await temporary();
    const roots = { qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb };
    const report = await storeInstances(series, {
      server: { roots },
      journal: memoryJournal(),
      studyInstanceUid: STUDY,
      expected: COUNT,
    });
    expect(report.outcome).toBe('done');
  });
  afterAll(async () => {
    await orthanc.close();
    await removeTemporary();
  });

  const from = () => ['--from', orthanc.dicomWeb, '--study', STUDY];
  const to = () => ['--to', orthanc.dicomWeb, '--state', state];

  it('reads a study, stores the derived series, and both say the same pixels as the way through folders', async () => {
    const report = await runJson([...from(), ...to(), '--strength', '60']);
    expect(report).toMatchObject({
      code: 0,
      series: [{ outcome: 'done', slices: COUNT, written: COUNT, store: { outcome: 'done' } }],
    });
    const output = await temporary();
    await runJson([await folderOf(series), output, '--strength', '60']);
    const client = new DicomWebClient({
      roots: { qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb },
    });
    const uid = report.series[0]!.derivedSeriesInstanceUid!;
    const listed = await client.listInstances(STUDY, uid);
    expect([...listed].map(sop => join(uid, `${sop}.dcm`)).sort()).toEqual(await imagesIn(output));
    for (const sop of listed) {
      const there = await decodeFrame(parsePart10(await client.instance(STUDY, uid, sop)));
      const here = await decodeFrame(parsePart10(await readFile(join(output, uid, `${sop}.dcm`))));
      expect(there.stored).toEqual(here.stored);
    }
    expect(await readdir(join(state, 'journal'))).toEqual([]);
  });

  it('run again: all kept, nothing sent, a sample compared; our own series in the study is refused', async () => {
    const report = await runJson([...from(), ...to(), '--strength', '60']);
    const outcomes = Object.fromEntries(report.series.map(each => [each.outcome, each]));
    expect(report.code).toBe(0);
    expect(outcomes['done']).toMatchObject({
      seriesInstanceUid: SERIES,
      kept: COUNT,
      written: 0,
    });
    expect(outcomes['refused']).toMatchObject({ verdict: { reasons: [{ code: 'already-denoised' }] } });
    const { CountSeries, CountInstances } = await orthanc.get<Record<string, number>>('/statistics');
    expect([CountSeries, CountInstances]).toEqual([2, 2 * COUNT]);
  });

  it('somebody else’s pixels under our UIDs: never called done, and the archive keeps what it had', async () => {
    const output = await temporary();
    const settings = [...from(), '--series', SERIES, '--strength', '30'];
    await runJson([...settings, output]);
    const files = await imagesIn(output);
    const foreign = await Promise.all(
      files.map(async file => {
        const part10 = new Uint8Array(await readFile(join(output, file)));
        part10[part10.length - 1]! ^= 1;
        const [seriesInstanceUid, name] = file.split('/') as [string, string];
        const { stored } = await decodeFrame(parsePart10(part10));
        const pixelHash = createHash('sha256').update(stored).digest('hex');
        return { seriesInstanceUid, sopInstanceUid: name.replace('.dcm', ''), part10, pixelHash };
      }),
    );
    const roots = { qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb };
    const common = { server: { roots }, studyInstanceUid: STUDY, expected: COUNT };
    expect((await storeInstances(foreign, { ...common, journal: memoryJournal() })).outcome).toBe('done');

    const report = await runJson([...settings, ...to()]);
    expect(report).toMatchObject({
      code: 4,
      series: [{ outcome: 'incomplete', kept: 0, written: 0, notice: { code: 'store-mismatch' } }],
    });
    expect(report.series[0]!.failed).toHaveLength(COUNT);
    const [one] = foreign;
    const client = new DicomWebClient({ roots });
    const there = await client.instance(STUDY, one!.seriesInstanceUid, one!.sopInstanceUid);
    expect((await decodeFrame(parsePart10(there))).stored).toEqual(
      (await decodeFrame(parsePart10(one!.part10))).stored,
    );
  });

  it('one series into a folder', async () => {
    const output = await temporary();
    expect(await runJson([...from(), '--series', SERIES, output])).toMatchObject({
      code: 0,
      series: [{ written: COUNT }],
    });
    expect(await imagesIn(output)).toHaveLength(COUNT);
  });

  it('a study that is not there: source, exit code 5', async () => {
    expect((await runJson(['--from', orthanc.dicomWeb, '--study', '1.2.3', ...to()])).code).toBe(5);
  });

  it('a store that fails half-way is incomplete; run again, it sends what is missing without computing it', async () => {
    const server = await startFaultServer();
    const broken = ['--to', server.url, '--state', state, '--series', SERIES];
    server.always = uids => ({
      kind: 'partly',
      status: 202,
      fail: uid => (uid === uids[0] ? 0xc000 : null),
      body: 'json',
    });
    const first = await runJson([...from(), ...broken]);
    expect(first).toMatchObject({
      code: 4,
      series: [{ outcome: 'incomplete', notice: { code: 'store-incomplete' } }],
    });
    const { failed } = first.series[0]!;
    expect(failed.length).toBeGreaterThan(0);
    expect(failed[0]!.reason).toMatch(/C000/);
    server.always = null;
    const second = await runJson([...from(), ...broken]);
    expect(second).toMatchObject({ code: 0, series: [{ outcome: 'done', seconds: { inference: 0 } }] });
    expect(server.archive.size).toBe(COUNT);
    await server.close();
  });

  it('asks with the Authorization of the environment', async () => {
    const server = await startFaultServer();
    server.token = 'secret';
    const argv = [...from(), '--series', SERIES, '--to', server.url, '--state', state];
    expect((await runJson(argv)).code).toBe(7);
    expect(await runJson(argv, { ISCL_TO_AUTHORIZATION: 'Bearer secret' })).toMatchObject({ code: 0 });
    await server.close();
  });
});
