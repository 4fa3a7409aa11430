import { memoryJournal, resumeStore, storeInstances } from '../../src/store';
import { COUNT, expectWhole, journal, options, series, server, store, uids } from './harness';
import { makeInstance, STUDY } from './instances';

/* What may have happened between a store that fell short and the next. */

const refuseFirst = () => {
  server.always = batch => ({
    kind: 'partly',
    status: 202,
    fail: uid => (uid === uids[0] ? 0xc000 : null),
    body: batch.includes(uids[0]!) ? 'json' : 'none',
  });
};

describe('a store taken up again', () => {
  it('misses what the archive has let go since, and stores it when it is made again', async () => {
    refuseFirst();
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, failed: 1 });
    server.always = null;
    server.archive.delete(uids[5]!);

    // Its file was let go when it had been read back.
    const alone = await resumeStore(report.sessionId, options());
    expect(alone).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, notProduced: 1 });
    expect(alone.notice).toMatchObject({ code: 'store-incomplete' });
    expectWhole(await resumeStore(report.sessionId, options(), series));
    expect(server.posts.get(uids[5]!)).toBe(2);
    expect(server.posts.get(uids[6]!)).toBe(1);
  });

  it('is not done by what it remembers when the archive no longer gives a list', async () => {
    refuseFirst();
    const report = await store();
    server.always = null;
    server.refusedLists = Infinity;
    const again = await resumeStore(report.sessionId, options());
    expect(again).toMatchObject({ outcome: 'incomplete', notice: { code: 'store-unreachable' } });
  });

  it('knows of slices that have come to the series', async () => {
    refuseFirst();
    const report = await store();
    server.always = null;
    const late = [COUNT + 1, COUNT + 2].map(number => makeInstance(number));
    const expected = COUNT + late.length;
    const short = await resumeStore(report.sessionId, { ...options(), expected }, late.slice(0, 1));
    expect(short).toMatchObject({ outcome: 'incomplete', expected, notProduced: 1 });
    // The journal has it in mind: a later visit need not know.
    const whole = await resumeStore(report.sessionId, options(), late);
    expect(whole).toMatchObject({ outcome: 'done', expected, stored: expected });
    expect(server.archive.size).toBe(expected);
    expect(await journal.sessions()).toEqual([]);
  });

  it('is for the archive it was begun for', async () => {
    refuseFirst();
    const { sessionId } = await store();
    const elsewhere = options();
    const server2 = { ...elsewhere.server, roots: { ...elsewhere.server.roots, stow: 'http://127.0.0.1:9' } };
    await expect(resumeStore(sessionId, { ...elsewhere, server: server2 })).rejects.toThrow(/is for/);
  });

  it('a new store under a name of old forgets what the old one left', async () => {
    const own = memoryJournal();
    const begin = (expected: number, instances: typeof series) =>
      storeInstances(instances, {
        ...options(),
        journal: own,
        studyInstanceUid: STUDY,
        expected,
        sessionId: 'name',
      });
    refuseFirst();
    await begin(COUNT, series);
    server.always = null;
    const report = await begin(1, [series[3]!]);
    expect(report).toMatchObject({ outcome: 'done', expected: 1, instances: [{ sopInstanceUid: uids[3] }] });
  });
});

describe('a journal that takes no more', () => {
  const full = Object.assign(new Error('no space'), { name: 'QuotaExceededError' });

  it('files: what it has is stored, the rest is told and comes with the next', async () => {
    const { putFile } = journal;
    let files = 0;
    journal.putFile = (...file) => (++files > 7 ? Promise.reject(full) : putFile(...file));
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: 7, notProduced: COUNT - 7 });
    expect(report.notice).toEqual({ kind: 'fault', code: 'store-journal', what: 'the disk is full' });
    journal.putFile = putFile;
    expectWhole(await resumeStore(report.sessionId, options(), series));
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('entries: the store ends with a sentence, and nothing is doubled by the next', async () => {
    const { put } = journal;
    let entries = 0;
    journal.put = (...entry) => (++entries > 20 ? Promise.reject(full) : put(...entry));
    await expect(store(series, {})).rejects.toMatchObject({
      notice: { code: 'store-journal', what: 'the disk is full' },
    });
    journal.put = put;
    const [session] = await journal.sessions();
    const report = await resumeStore(session!.id, options(), series);
    expect(report).toMatchObject({ outcome: 'done', stored: COUNT });
    expect(server.archive.size).toBe(COUNT);
  });
});
