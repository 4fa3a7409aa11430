import { DicomWebClient, memoryJournal, storeInstances, type StoreReport } from '../../src/store';
import { makeInstance, makeSeries, SERIES, STUDY, type MadeInstance } from '../store/instances';
import { NO_ORTHANC, startOrthanc, type Orthanc } from './orthanc';

const COUNT = 24;
const series = makeSeries(COUNT, { size: 128 });
const uids = series.map(({ sopInstanceUid }) => sopInstanceUid);

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);

(NO_ORTHANC ? describe.skip : describe)('a real Orthanc', () => {
  let orthanc: Orthanc;
  beforeEach(async () => {
    orthanc = await startOrthanc();
  });
  afterEach(() => orthanc.close());

  const roots = () => ({ qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb });

  function store(instances: readonly MadeInstance[], expected = COUNT): Promise<StoreReport> {
    return storeInstances([...instances], {
      server: { roots: roots(), sleep: async () => undefined },
      journal: memoryJournal(),
      studyInstanceUid: STUDY,
      expected,
      batchBytes: 8 * series[0]!.part10.byteLength,
    });
  }

  const countOf = async () => (await orthanc.get<{ CountInstances: number }>('/statistics')).CountInstances;

  it('stores, lists, gives back the file and the pixels that were sent', async () => {
    expect(await store(series)).toMatchObject({
      outcome: 'done',
      stored: COUNT,
      alreadyThere: 0,
      notice: null,
    });
    expect(await countOf()).toBe(COUNT);
    const client = new DicomWebClient({ roots: roots() });
    expect([...(await client.listInstances(STUDY, SERIES))].sort()).toEqual([...uids].sort());
    for (const { sopInstanceUid, part10 } of series) {
      const frame = await client.frame(STUDY, SERIES, sopInstanceUid);
      expect(Buffer.compare(frame, part10.subarray(part10.length - 128 * 128 * 2))).toBe(0);
    }
    const [file] = await orthanc.get<string[]>('/instances');
    const { SOPInstanceUID } = await orthanc.get<Record<string, string>>(
      `/instances/${file}/simplified-tags`,
    );
    const raw = new Uint8Array(await (await fetch(`${orthanc.url}/instances/${file}/file`)).arrayBuffer());
    expect(Buffer.compare(raw, series[uids.indexOf(SOPInstanceUID!)]!.part10)).toBe(0);
    expect(await client.instance(STUDY, SERIES, uids[0]!)).toEqual(series[0]!.part10);
  });

  it('resend: nothing sent, nothing doubled, all already there', async () => {
    await store(series);
    const again = await store(series);
    expect(again).toMatchObject({ outcome: 'done', stored: 0, alreadyThere: COUNT, bytesSent: 0 });
    expect(await countOf()).toBe(COUNT);
  });

  it('half there: only the rest is sent', async () => {
    await store(series.slice(0, 10), 10);
    expect(await store(series)).toMatchObject({ outcome: 'done', stored: COUNT - 10, alreadyThere: 10 });
    expect(await countOf()).toBe(COUNT);
  });

  it('keeps the old pixels of a UID and says 200; we say store-mismatch', async () => {
    const changed = makeInstance(7, { seed: 1234, size: 128 });
    await store([changed], 1);
    const report = await store(series);
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, failed: 1 });
    expect(report.notice).toEqual({
      kind: 'fault',
      code: 'store-mismatch',
      sopInstanceUid: changed.sopInstanceUid,
    });
  });

  it('a broken instance among good ones: 400 for the request, the good ones are stored and said to be', async () => {
    const good = makeSeries(5, { size: 128 });
    // A file whose dataset was cut off in the middle of the identifiers.
    const { part10 } = good[2]!;
    const client = new DicomWebClient({ roots: roots() });
    const files = good.map(
      (instance, i) =>
        new Blob([(i === 2 ? part10.slice(0, 300) : instance.part10) as Uint8Array<ArrayBuffer>]),
    );
    expect((await client.stow(files)).status).toBe(400);
    expect(await countOf()).toBeGreaterThan(0);
    // The same through the store: what Orthanc took of the refused request is found and not sent again.
    const report = await store([...good.filter((_, i) => i !== 2), good[2]!], 5);
    expect(report).toMatchObject({ outcome: 'done', failed: 0 });
    expect(report.alreadyThere).toBeGreaterThan(0);
    expect(await countOf()).toBe(5);
  });
});

/** An Orthanc with 1 MB for all patients recycles the oldest, and refuses when that is the patient it is being sent. */
(NO_ORTHANC ? it.skip : it)('an Orthanc that runs full half-way: never said to be done', async () => {
  const orthanc = await startOrthanc({ MaximumStorageSize: 1 });
  const roots = { qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb };
  const many = makeSeries(60, { size: 128 });
  const report = await storeInstances(many, {
    server: { roots, sleep: async () => undefined },
    journal: memoryJournal(),
    studyInstanceUid: STUDY,
    expected: 60,
  });
  const { CountInstances } = await orthanc.get<{ CountInstances: number }>('/statistics');
  await orthanc.close();
  expect(CountInstances).toBeGreaterThan(0);
  expect(CountInstances).toBeLessThan(60);
  expect(report).toMatchObject({
    outcome: 'incomplete',
    stored: CountInstances,
    failed: 60 - CountInstances,
  });
});
