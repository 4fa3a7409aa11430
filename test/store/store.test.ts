import { resumeStore, storeInstances } from '../../src/store';
import {
  COUNT,
  expectRetryCompletes,
  expectWhole,
  journal,
  options,
  restartServer,
  series,
  server,
  store,
  uids,
  waits,
} from './harness';
import { makeInstance, STUDY } from './instances';

describe('a healthy server', () => {
  it('stores all in batches by bytes, reads a sample back, empties the journal', async () => {
    const report = await store();
    expectWhole(report);
    expect(server.requests.map(request => request.length)).toEqual([5, 5, 2]);
    const compared = report.instances
      .filter(({ pixelsCompared }) => pixelsCompared)
      .map(({ sopInstanceUid }) => sopInstanceUid);
    expect(compared).toHaveLength(4);
    expect(compared).toEqual(expect.arrayContaining([uids[0], uids[COUNT - 1]]));
    expect(await journal.sessions()).toEqual([]);
  });

  it('sends nothing a second time, and compares every pixel of what is there', async () => {
    await store();
    server.requests.length = 0;
    const again = await store();
    expectWhole(again, { alreadyThere: COUNT });
    expect(server.requests).toEqual([]);
    expect(again.instances.every(({ pixelsCompared }) => pixelsCompared)).toBe(true);
  });

  it('is not done when the series was not produced whole', async () => {
    const report = await store(series.slice(0, COUNT - 1));
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, notProduced: 1 });
    expect(report.notice).toMatchObject({ code: 'store-incomplete', stored: COUNT - 1, failed: 1 });
    // The missing one arrives with the retry.
    expectWhole(await resumeStore(report.sessionId, options(), series));
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('forgets a store that nobody took up for a month, and no younger one', async () => {
    const begun = (id: string, daysAgo: number) => ({
      ...{ id, studyInstanceUid: STUDY, expected: 1, target: server.url, label: '' },
      startedAt: new Date(Date.now() - daysAgo * 24 * 3600 * 1000).toISOString(),
    });
    for (const session of [begun('old', 31), begun('young', 29)]) await journal.open(session);
    expectWhole(await store());
    expect((await journal.sessions()).map(({ id }) => id)).toEqual(['young']);
    await journal.open(begun('its own', 31));
    await resumeStore('its own', options());
    expect((await journal.sessions()).map(({ id }) => id)).toContain('its own');
  });

  it('refuses one UID with two contents', async () => {
    const twin = makeInstance(1, { seed: 99 });
    await expect(store([series[0]!, twin])).rejects.toThrow(/different pixels/);
  });
});

describe('part of a request fails', () => {
  const failing = new Set([uids[1], uids[3]]);
  const fail = (reason: number) => (uid: string) => (failing.has(uid) ? reason : null);

  it.each(['json', 'xml'] as const)(
    '202 with passing failures (%s): only those are sent again',
    async body => {
      server.next.push({ kind: 'partly', status: 202, fail: fail(0xa700), body });
      expectWhole(await store());
      for (const uid of uids) expect(server.posts.get(uid)).toBe(failing.has(uid) ? 2 : 1);
      expect(waits.length).toBeGreaterThan(0);
    },
  );

  it('202 with lasting failures: sent once, reported with their reason, stored by a retry when the server takes them', async () => {
    server.always = () => ({ kind: 'partly', status: 202, fail: fail(0x0122), body: 'json' });
    const report = await store();
    expect(report).toMatchObject({ stored: COUNT - 2, failed: 2 });
    expect(
      report.instances.filter(({ outcome }) => outcome === 'failed').map(({ reason }) => reason),
    ).toEqual([
      { code: 'failure-reason', value: '0122' },
      { code: 'failure-reason', value: '0122' },
    ]);
    for (const uid of failing) expect(server.posts.get(uid!)).toBe(1);
    server.always = null;
    await expectRetryCompletes(report);
  });

  it('200 that lists failures in its body is not taken for success', async () => {
    server.always = () => ({ kind: 'partly', status: 200, fail: fail(0xc000), body: 'json' });
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 2, failed: 2 });
  });

  it('an instance named as stored and as failed has failed', async () => {
    server.always = () => ({ kind: 'partly', status: 202, fail: fail(0xc000), body: 'both' });
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 2, failed: 2 });
    expect(report.instances[1]!.reason).toEqual({ code: 'failure-reason', value: 'C000' });
  });

  it('one more than expected and one refused is not done', async () => {
    server.always = () => ({ kind: 'partly', status: 202, fail: fail(0xc000), body: 'json' });
    const states: string[] = [];
    const report = await storeInstances(series, {
      ...options(),
      studyInstanceUid: STUDY,
      expected: COUNT - 2,
      onProgress: ({ state }) => states.push(state),
    });
    expect(report.outcome).toBe('incomplete');
    expect(states.at(-1)).toBe('incomplete');
  });

  it.each(['none', 'html'] as const)(
    '400 for one bad instance, the good ones stored, body %s',
    async body => {
      server.always = batch => ({
        kind: 'partly',
        status: batch.includes(uids[1]!) ? 400 : 200,
        fail: uid => (uid === uids[1] ? 0xc000 : null),
        body,
      });
      const report = await store();
      expect(report).toMatchObject({ stored: COUNT - 1, failed: 1 });
      expect(report.instances[1]!.reason).toEqual({ code: 'refused', status: 400 });
      // Sent with its batch, then alone; the others of the batch were looked up and not sent again.
      expect(server.posts.get(uids[1]!)).toBe(2);
      expect(server.posts.get(uids[0]!)).toBe(1);
      server.always = null;
      await expectRetryCompletes(report);
    },
  );

  it('409 for all: each is tried alone once, then failed', async () => {
    server.always = () => ({ kind: 'partly', status: 409, fail: () => 0xa900, body: 'none' });
    const report = await store();
    expect(report).toMatchObject({ stored: 0, failed: COUNT });
    server.always = null;
    await expectRetryCompletes(report);
  });

  it('a 200 without a body is believed for what the server then lists', async () => {
    server.always = () => ({ kind: 'partly', status: 200, fail: () => null, body: 'none' });
    expectWhole(await store());
  });

  it('a 200 without a body from an archive that indexes later: waited for, and not sent again', async () => {
    server.always = () => ({ kind: 'partly', status: 200, fail: () => null, body: 'none' });
    server.lateLists = 3;
    expectWhole(await store());
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
    expect(waits.length).toBeGreaterThan(0);
  });

  it('a warning with each instance: the pixels of each are read back', async () => {
    server.warning = 0xb000;
    const report = await store();
    expectWhole(report);
    expect(
      report.instances.every(({ pixelsCompared, warning }) => pixelsCompared && warning === 'B000'),
    ).toBe(true);
  });
});

describe('the whole request fails', () => {
  it('401: stops, keeps all, says so', async () => {
    server.token = 'new';
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', pending: COUNT });
    expect(report.notice).toMatchObject({ code: 'store-refused', status: 401 });
    server.token = null;
    await expectRetryCompletes(report);
  });

  it('413: smaller requests', async () => {
    server.maxBytes = series[0]!.part10.byteLength * 2.5;
    expectWhole(await store());
  });

  it('413 for a single instance: failed with its size', async () => {
    server.maxBytes = 100;
    const report = await store();
    expect(report.instances[0]!.reason).toEqual({ code: 'too-large', bytes: series[0]!.part10.byteLength });
    server.maxBytes = Infinity;
    await expectRetryCompletes(report);
  });

  it('429: waits as long as it is told', async () => {
    server.next.push({ kind: 'status', status: 429, headers: { 'Retry-After': '7' } });
    expectWhole(await store());
    expect(waits).toEqual([7000]);
  });

  it.each([500, 502, 503, 504, 408])('%i: tries again with growing waits', async status => {
    server.next.push({ kind: 'status', status }, { kind: 'status', status });
    expectWhole(await store());
    expect(waits[1]!).toBeGreaterThan(waits[0]!);
  });

  it('500 after all was stored: looked up, not sent again', async () => {
    server.next.push({ kind: 'status', status: 500, stored: 5 });
    expectWhole(await store());
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('500 for ever: gives up, and a retry completes', async () => {
    server.always = () => ({ kind: 'status', status: 500 });
    const report = await store();
    expect(report).toMatchObject({ stored: 0, notice: { code: 'store-refused', status: 500 } });
    expect(server.requests.length).toBeLessThan(15);
    server.always = null;
    await expectRetryCompletes(report);
  });

  it('one instance that breaks the server does not keep the others from it', async () => {
    server.always = batch => (batch.includes(uids[2]!) ? { kind: 'status', status: 500 } : null);
    const report = await store();
    expect(report).toMatchObject({ stored: COUNT - 1, failed: 1 });
    expect(report.instances[2]!.reason).toEqual({ code: 'server-error', status: 500 });
    server.always = null;
    await expectRetryCompletes(report);
  });

  it.each([
    [0, false],
    [3, false],
    [5, true],
  ])('reset with %i stored (mid-body: %s): only what is missing is sent again', async (stored, midBody) => {
    server.next.push({ kind: 'reset', stored, midBody });
    expectWhole(await store());
    for (const [i, uid] of uids.entries()) expect(server.posts.get(uid)).toBe(i < 5 && i >= stored ? 2 : 1);
  });

  it('no server: unreachable, all kept', async () => {
    const { url } = server;
    await server.close();
    const report = await store();
    expect(report).toMatchObject({
      stored: 0,
      outcome: 'incomplete',
      notice: { code: 'store-unreachable', url },
    });
    await restartServer();
    await expectRetryCompletes(report);
  });

  it('an answer slower than the time limit counts as none', async () => {
    server.next.push({ kind: 'slow', msPerByte: 20 });
    expectWhole(await store(series, { server: { ...options().server, timeoutMs: 400 } }));
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('a slow answer within the limit is waited for', async () => {
    server.next.push({ kind: 'slow', msPerByte: 1 });
    expectWhole(await store());
  });

  it('404 from a wrong address stops at once', async () => {
    server.always = () => ({ kind: 'status', status: 404 });
    const report = await store();
    expect(server.requests).toHaveLength(1);
    expect(report).toMatchObject({ pending: COUNT, notice: { code: 'store-refused', status: 404 } });
    server.always = null;
    await expectRetryCompletes(report);
  });
});

describe('a full disk', () => {
  it.each([null, 507])('status %s: reported, and completed when there is room', async fullStatus => {
    server.capacity = 7;
    server.fullStatus = fullStatus;
    const report = await store();
    expect(server.archive.size).toBe(7);
    expect(report.outcome).toBe('incomplete');
    expect(report.instances.some(({ reason }) => reason?.code === 'server-full')).toBe(true);
    server.capacity = Infinity;
    await expectRetryCompletes(report);
  });
});

describe('cancel and progress', () => {
  it('cancel keeps the journal; resume sends the rest', async () => {
    const controller = new AbortController();
    const report = await store(series, {
      signal: controller.signal,
      onProgress: ({ inArchive }) => {
        if (inArchive >= 5) controller.abort();
      },
    });
    expect(report).toMatchObject({ outcome: 'cancelled', notice: { code: 'save-cancelled', what: 'store' } });
    expect(server.archive.size).toBe(5);
    expectWhole(await resumeStore(report.sessionId, options(), series));
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('cancelled in the middle of a request: what became of it is looked up', async () => {
    const controller = new AbortController();
    server.always = () => {
      if (server.requests.length < 2) return null;
      setTimeout(() => controller.abort(), 50);
      // Stores all five, and the answer never arrives.
      return { kind: 'slow', msPerByte: 50 };
    };
    const report = await store(series, { signal: controller.signal });
    expect(report).toMatchObject({ outcome: 'cancelled', unverified: 5 });
    expect(report.pending + report.notProduced).toBe(COUNT - 5);
    server.always = null;
    expectWhole(await resumeStore(report.sessionId, options(), series));
    expect([...server.posts.values()]).toEqual(Array(COUNT).fill(1));
  });

  it('progress never goes back, ends at all, and gives a time', async () => {
    const seen: { inArchive: number; secondsLeft: number | null }[] = [];
    await store(series, { onProgress: progress => seen.push(progress) });
    const counts = seen.map(progress => progress.inArchive);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(COUNT);
    expect(seen.some(({ secondsLeft }) => secondsLeft !== null)).toBe(true);
  });
});
