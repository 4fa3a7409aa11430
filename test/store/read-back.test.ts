import { describeReason, DicomWebClient, resumeStore, storeInstances } from '../../src/store';
import { COUNT, expectRetryCompletes, expectWhole, options, series, server, store, uids } from './harness';
import { makeInstance, STUDY } from './instances';

describe('what the server holds is not what we sent', () => {
  const changed = makeInstance(4, { seed: 77 });

  it('other pixels under the UID before we came: mismatch, whatever the retries', async () => {
    await storeInstances([changed], { ...options(), studyInstanceUid: STUDY, expected: 1 });
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, failed: 1 });
    expect(report.notice).toMatchObject({ code: 'store-mismatch', sopInstanceUid: changed.sopInstanceUid });
    const { reason } = report.instances.find(({ outcome }) => outcome === 'failed')!;
    expect(describeReason(reason!)).toContain('holds other pixels');
    const again = await resumeStore(report.sessionId, options());
    expect(again.notice).toMatchObject({ code: 'store-mismatch', sopInstanceUid: changed.sopInstanceUid });
  });

  it('the same when the server gives no list and answers 200', async () => {
    await storeInstances([changed], { ...options(), studyInstanceUid: STUDY, expected: 1 });
    server.refusedLists = 1;
    const report = await store();
    expect(report.notice).toMatchObject({ code: 'store-mismatch', sopInstanceUid: changed.sopInstanceUid });
  });

  it('a duplicate refused with 0111 is compared: same pixels are already there, others a mismatch', async () => {
    await storeInstances([changed, series[0]!], { ...options(), studyInstanceUid: STUDY, expected: 2 });
    server.duplicatesFail = true;
    server.refusedLists = 1;
    const report = await store();
    expect(server.requests.flat()).toContain(series[0]!.sopInstanceUid);
    expect(report).toMatchObject({
      stored: COUNT - 2,
      alreadyThere: 1,
      failed: 1,
      notice: { code: 'store-mismatch' },
    });
  });

  it('a wrong read-back in the sample: all are compared', async () => {
    server.wrongReadBack.add(uids[0]!).add(uids[5]!);
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 2, failed: 2 });
    expect(report.instances[5]!.reason).toEqual({ code: 'other-pixels' });
    server.wrongReadBack.clear();
    await expectRetryCompletes(report, { alreadyThere: 2 });
  });

  it('says it is stored and has lost it: sent again until it is listed', async () => {
    server.next.push({ kind: 'lose' });
    expectWhole(await store());
  });

  it('loses it every time: failed, not done', async () => {
    server.always = batch => (batch.includes(uids[2]!) ? { kind: 'lose' } : null);
    const report = await store([series[2]!]);
    expect(report.instances[0]!.reason).toEqual({ code: 'missing-after-store' });
    expect(report.outcome).toBe('incomplete');
  });

  it('no frames: the whole instance is read back instead', async () => {
    server.frames = false;
    expectWhole(await store());
  });

  it('no read-back at all: unverified, not done', async () => {
    server.frames = server.instances = false;
    const report = await store();
    expect(report).toMatchObject({
      outcome: 'incomplete',
      unverified: 4,
      notice: { code: 'store-incomplete' },
    });
    server.frames = true;
    await expectRetryCompletes(report);
  });

  it('no list: not done', async () => {
    server.refusedLists = Infinity;
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', unverified: COUNT });
    server.refusedLists = 0;
    await expectRetryCompletes(report);
  });

  it('frames in another form than was asked for: the file tells', async () => {
    server.frames = 'another form';
    expectWhole(await store());
  });

  it('frames in another form and no files: not taken for the right pixels', async () => {
    server.frames = 'another form';
    server.instances = false;
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', notice: { code: 'store-mismatch' } });
  });

  it('a file that comes back damaged: unverified with the reason, the rest done, completed by a retry', async () => {
    server.frames = false;
    server.cutReadBack.add(uids[0]!);
    const report = await store();
    expect(report).toMatchObject({ outcome: 'incomplete', stored: COUNT - 1, unverified: 1, failed: 0 });
    expect(report.instances[0]!.reason).toEqual({ code: 'not-decodable' });
    expect(describeReason(report.instances[0]!.reason!)).toContain('cannot be decoded');
    server.cutReadBack.clear();
    await expectRetryCompletes(report);
  });

  it('a UID that is none leads to no other resource', async () => {
    const asked: string[] = [];
    const client = new DicomWebClient({
      roots: { qido: 'http://pacs/qido', wado: 'http://pacs/wado', stow: 'http://pacs/stow' },
      fetch: async url => {
        asked.push(String(url));
        return new Response(null, { status: 404 });
      },
    });
    await client.listInstances('1.2/../../secrets?x=', '..');
    await expect(client.instance('1.2', '1.3', '1.4#', undefined)).rejects.toThrow('404');
    expect(asked).toEqual([
      'http://pacs/qido/studies/1.2%2F..%2F..%2Fsecrets%3Fx%3D/series//instances?limit=1000&offset=0',
      'http://pacs/wado/studies/1.2/series/1.3/instances/1.4%23',
    ]);
  });
});
