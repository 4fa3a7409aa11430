import { unzipSync } from 'fflate';
import { DenoiseError } from '../../src/notices';
import { writeToFolder, zipBlob, zipSeries } from '../../src/store';
import { fakeFolder } from './fake-folder';
import { makeSeries } from './instances';

const series = makeSeries(5);

async function* feed(items = series, taken?: number[]) {
  for (const [i, item] of items.entries()) {
    taken?.push(i);
    yield item;
  }
}

describe('zipSeries', () => {
  it.each([0, 6] as const)('level %i: every file comes out as it went in', async level => {
    const zip = unzipSync(new Uint8Array(await (await zipBlob(feed(), { level })).arrayBuffer()));
    expect(Object.keys(zip)).toEqual(['IM0001.dcm', 'IM0002.dcm', 'IM0003.dcm', 'IM0004.dcm', 'IM0005.dcm']);
    series.forEach(({ part10 }, i) => expect(Buffer.compare(zip[`IM000${i + 1}.dcm`]!, part10)).toBe(0));
  });

  it('makes an instance only when it is read for', async () => {
    const taken: number[] = [];
    const reader = zipSeries(feed(series, taken)).getReader();
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(taken).toEqual([]);
    await reader.read();
    expect(taken).toEqual([0]);
    await reader.cancel();
  });

  it('errors with what feeds it, and with the signal', async () => {
    async function* broken() {
      yield series[0]!;
      throw new DenoiseError({ kind: 'fault', code: 'inference', provider: 'cpu' });
    }
    await expect(zipBlob(broken())).rejects.toMatchObject({ notice: { code: 'inference' } });
    await expect(zipBlob(feed(), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it('refuses more than a ZIP can hold before it is half written', async () => {
    const huge = { part10: { byteLength: 2 ** 32 } as Uint8Array };
    async function* one() {
      yield huge;
    }
    await expect(zipBlob(one())).rejects.toMatchObject({ notice: { code: 'save-folder' } });
  });
});

describe('writeToFolder', () => {
  it('writes all, and the second time finds all there', async () => {
    const { handle, files } = fakeFolder();
    expect(await writeToFolder(handle, feed(), { expected: 5 })).toMatchObject({
      outcome: 'done',
      written: 5,
      alreadyThere: 0,
    });
    expect(Buffer.compare(files.get('IM0003.dcm')!, series[2]!.part10)).toBe(0);
    expect(await writeToFolder(handle, feed(), { expected: 5 })).toMatchObject({
      outcome: 'done',
      written: 0,
      alreadyThere: 5,
    });
  });

  it('leaves a file with other content alone and says so', async () => {
    const { handle, files } = fakeFolder();
    const mine = new Uint8Array([1, 2, 3]);
    files.set('IM0002.dcm', mine);
    const report = await writeToFolder(handle, feed(), { expected: 5 });
    expect(report).toMatchObject({ outcome: 'incomplete', written: 4, notice: { code: 'save-folder' } });
    expect(report.failed).toMatchObject([{ name: 'IM0002.dcm', sopInstanceUid: series[1]!.sopInstanceUid }]);
    expect(files.get('IM0002.dcm')).toBe(mine);
  });

  it('leaves no half file behind on a full disk', async () => {
    const { handle, files } = fakeFolder({ capacity: series[0]!.part10.length * 2.5 });
    const report = await writeToFolder(handle, feed(), { expected: 5 });
    expect(report).toMatchObject({ outcome: 'incomplete', written: 2 });
    expect(report.failed[0]!.reason).toMatch(/full/);
    expect([...files.keys()]).toEqual(['IM0001.dcm', 'IM0002.dcm']);
  });

  it('is not done when the feed ends early or is cancelled', async () => {
    expect(await writeToFolder(fakeFolder().handle, feed(series.slice(1)), { expected: 5 })).toMatchObject({
      outcome: 'incomplete',
      written: 4,
    });
    const signal = AbortSignal.abort();
    expect(await writeToFolder(fakeFolder().handle, feed(), { expected: 5, signal })).toMatchObject({
      outcome: 'cancelled',
      written: 0,
      notice: { code: 'save-cancelled', what: 'folder' },
    });
  });
});
