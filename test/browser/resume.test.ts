import { NO_ORTHANC, startOrthanc, type Orthanc } from '../orthanc/orthanc';
import { startGate, type Gate } from './gate';
import { ctSeries, STUDY } from './series';
import { Viewer } from './viewer';

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);

/** More than one request's worth, of which the first is out when the page goes. */
const SLICES = 34;
/** A minute each on an idle machine; the machine of a check may be anything but idle. */
jest.setTimeout(900_000);

/** What the browser says of requests that a reload cut off. */
const CUT_OFF = /Failed to load resource|ERR_FAILED|ERR_ABORTED|net::/;

/** A store into a real Orthanc that a reload cuts off, and the panel afterwards. */
(NO_ORTHANC ? describe.skip : describe)('a reload while the panel is storing', () => {
  let viewer: Viewer;
  let orthanc: Orthanc;
  let gate: Gate;
  beforeAll(async () => {
    orthanc = await startOrthanc();
    for (const file of ctSeries({ slices: SLICES })) {
      const body = new Uint8Array(file);
      expect((await fetch(`${orthanc.url}/instances`, { method: 'POST', body })).status).toBe(200);
    }
    gate = await startGate(orthanc.url);
    viewer = await Viewer.open({ pacs: `${gate.url}/dicom-web` });
    viewer.page.setDefaultTimeout(300_000);
    // The browser asks whether the page may be left in the middle of a store.
    viewer.page.on('dialog', dialog => void dialog.accept());
    await viewer.openStudy(STUDY);
  });
  afterAll(async () => {
    await viewer?.close();
    gate?.close();
    await orthanc?.close();
  });

  const archived = async () => {
    const { CountSeries, CountInstances } = await orthanc.get<Record<string, number>>('/statistics');
    return [CountSeries, CountInstances];
  };

  /** Entries of the journal, in the page's own database. */
  const journaled = () =>
    viewer.page.evaluate(
      () =>
        new Promise<number>((resolve, reject) => {
          const opening = indexedDB.open('iscl-store');
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const db = opening.result;
            const counting = db.transaction('entries').objectStore('entries').count();
            counting.onsuccess = () => {
              db.close();
              resolve(counting.result);
            };
          };
        }),
    );
  async function untilJournaled(entries: number): Promise<void> {
    while ((await journaled()) < entries) await viewer.page.waitForTimeout(100);
  }

  const resume = async () => {
    await viewer.image('iscl-original');
    await viewer.cy('iscl-store-resume').waitFor();
    await expect(viewer.cy('iscl-store-resume').count()).resolves.toBe(1);
    await viewer.cy('iscl-store-resume').click();
  };
  /** All of it is there and was read back: then the journal forgets the store, and the panel offers none. */
  const nothingLeft = async () => {
    while ((await journaled()) > 0) await viewer.page.waitForTimeout(100);
    await viewer.page.waitForSelector('[data-cy="iscl-unfinished"]', { state: 'detached' });
  };

  it('in the middle of a request: Resume sends what the archive lacks, and only that', async () => {
    await viewer.denoise();
    gate.holdAnswers = true;
    await viewer.cy('iscl-store').click();
    await untilJournaled(SLICES);
    while ((await archived())[0] !== 2 || gate.sent.length < 1) await viewer.page.waitForTimeout(100);
    const [first = 0] = gate.sent;
    while ((await archived())[1] !== SLICES + first) await viewer.page.waitForTimeout(100);
    expect(first).toBeLessThan(SLICES);
    await viewer.page.reload();
    gate.holdAnswers = false;

    await resume();
    await nothingLeft();
    expect(gate.sent).toEqual([first, SLICES - first]);
    expect(await archived()).toEqual([2, 2 * SLICES]);
    await viewer.page.waitForFunction(
      () => window.services.displaySetService.getActiveDisplaySets().length === 2,
    );
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });

  it('before all was made: Resume sends what was made, and Store takes it up', async () => {
    gate.sent.length = 0;
    const made = 10;
    await viewer.denoise();
    await viewer.setStrength(50);
    let headers = 0;
    // Without the original's header no further instance is made.
    const isHeader = /\/studies\/[\d.]+\/series\/[\d.]+\/instances\/[\d.]+$/;
    gate.swallows = path => isHeader.test(path) && ++headers > made;
    await viewer.cy('iscl-store').click();
    await untilJournaled(made);
    await viewer.page.reload();
    gate.swallows = null;
    expect(gate.sent).toEqual([]);

    await resume();
    while (gate.sent.length < 1) await viewer.page.waitForTimeout(100);
    await viewer.cy('iscl-store-resume').waitFor();
    expect(gate.sent).toEqual([made]);
    await viewer.denoise();
    await viewer.setStrength(50);
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor();
    await nothingLeft();
    expect(gate.sent).toEqual([made, SLICES - made]);
    expect(await archived()).toEqual([3, 3 * SLICES]);
    // Made in two visits, and one series all the same.
    for (const id of await orthanc.get<string[]>('/series')) {
      const tags = await orthanc.get<Record<string, { SeriesDate: string; SeriesTime: string }>>(
        `/series/${id}/instances-tags?simplify`,
      );
      const moments = Object.values(tags).map(({ SeriesDate, SeriesTime }) => `${SeriesDate} ${SeriesTime}`);
      expect([moments.length, new Set(moments).size]).toEqual([SLICES, 1]);
    }
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });
});
