import type { Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import type * as Store from '../../src/store';
import { startFaultServer, type FaultServer } from '../faults/server';
import { makeSeries, STUDY } from '../store/instances';
import { launchChromium } from './engine-page';
import { serveStorePage } from './store-page';

/** Global of the page. */
declare const store: typeof Store;

const COUNT = 6;
/** As the panel names it. */
const SESSION = '2.25.2001@http://127.0.0.1:8042/dicom-web';
const series = makeSeries(COUNT);
const sent = series.map(one => ({ ...one, part10: Array.from(one.part10) }));

/** Where the Part 10 files of the journal lie: chosen by the browser, or by what it does not have. */
const PLACES = [
  { place: 'OPFS', withoutOpfs: false },
  { place: 'IndexedDB', withoutOpfs: true },
] as const;

/** The journal in real Chromium, over real reloads. The server is ours only because no real one can be told when to fail. */
describe.each(PLACES)('the journal with its files in $place', ({ withoutOpfs }) => {
  let browser: Browser;
  let page: Page;
  let archive: FaultServer;
  let server: Server;
  beforeEach(async () => {
    archive = await startFaultServer();
    const served = await serveStorePage(archive.url);
    server = served.server;
    browser = await launchChromium();
    page = await browser.newPage();
    if (withoutOpfs)
      await page.addInitScript(() =>
        Object.defineProperty(StorageManager.prototype, 'getDirectory', { value: undefined }),
      );
    await page.goto(served.origin);
    await loaded();
  });
  afterEach(async () => {
    await browser?.close();
    server?.close();
    await archive?.close();
  });

  const loaded = () => page.waitForFunction('globalThis.store !== undefined');
  const reload = async () => {
    await page.reload();
    await loaded();
  };

  /** Begins to store and does not wait. `made` instances are produced, then nothing more comes. */
  const begin = (made: number) =>
    page.evaluate(
      async ({ instances, study, sessionId, expected }) => {
        async function* feed() {
          for (const one of instances) yield { ...one, part10: Uint8Array.from(one.part10) };
          if (instances.length < expected) await new Promise(() => undefined);
        }
        const root = `${location.origin}/dicom-web`;
        const stored = store.storeInstances(feed(), {
          server: { roots: { qido: root, wado: root, stow: root } },
          journal: await store.indexedDbJournal(),
          studyInstanceUid: study,
          sessionId,
          expected,
          batchBytes: 2 * instances[0]!.part10.length,
        });
        // The reload ends it.
        stored.catch(() => undefined);
      },
      { instances: sent.slice(0, made), study: STUDY, sessionId: SESSION, expected: COUNT },
    );

  const resume = (instances: typeof sent) =>
    page.evaluate(
      async ({ again, sessionId }) => {
        const root = `${location.origin}/dicom-web`;
        return store.resumeStore(
          sessionId,
          {
            server: { roots: { qido: root, wado: root, stow: root } },
            journal: await store.indexedDbJournal(),
          },
          again.map(one => ({ ...one, part10: Uint8Array.from(one.part10) })),
        );
      },
      { again: instances, sessionId: SESSION },
    );

  const sessions = () => page.evaluate(async () => (await store.indexedDbJournal()).sessions());
  const journaled = async () =>
    page.evaluate(async id => (await (await store.indexedDbJournal()).entries(id)).length, SESSION);
  async function untilJournaled(count: number): Promise<void> {
    while ((await journaled()) < count) await page.waitForTimeout(50);
  }

  /** Files in OPFS; null where the page has none. */
  const filesInOpfs = () =>
    page.evaluate(async () => {
      if (!navigator.storage.getDirectory) return null;
      let files = 0;
      const count = async (folder: FileSystemDirectoryHandle): Promise<void> => {
        // TypeScript's DOM library lacks the iterators of directories (microsoft/TypeScript#52588).
        const { values } = folder as unknown as {
          values: () => AsyncIterable<FileSystemDirectoryHandle | FileSystemFileHandle>;
        };
        for await (const entry of values.call(folder)) {
          if (entry.kind === 'directory') await count(entry);
          else files++;
        }
      };
      await count(await navigator.storage.getDirectory());
      return files;
    });

  async function expectWhole(): Promise<void> {
    expect([...archive.posts.values()]).toEqual(Array(COUNT).fill(1));
    expect(archive.archive.size).toBe(COUNT);
    for (const { sopInstanceUid, part10 } of series)
      expect(Buffer.compare(archive.archive.get(sopInstanceUid)!.part10, part10)).toBe(0);
    expect(await sessions()).toEqual([]);
    expect(await filesInOpfs()).toBe(withoutOpfs ? null : 0);
  }

  it('reload in the middle of a request: the journal alone finishes it, each instance sent once', async () => {
    // The server stores what it is sent, and its answer does not come to an end.
    archive.always = () => ({ kind: 'slow', msPerByte: 1000 });
    await begin(COUNT);
    await untilJournaled(COUNT);
    while (archive.requests.length < 1) await page.waitForTimeout(50);
    expect(await filesInOpfs()).toBe(withoutOpfs ? null : COUNT);
    await reload();
    archive.always = null;
    expect(archive.requests).toHaveLength(1);
    expect(await sessions()).toMatchObject([{ id: SESSION, expected: COUNT }]);
    expect(await resume([])).toMatchObject({ outcome: 'done', stored: COUNT, failed: 0, pending: 0 });
    await expectWhole();
  });

  it('reload before all was made: what was made is sent, the rest is asked for and comes with the next try', async () => {
    await begin(3);
    await untilJournaled(3);
    await reload();
    expect(await resume([])).toMatchObject({ outcome: 'incomplete', stored: 3, notProduced: COUNT - 3 });
    expect(await sessions()).toHaveLength(1);
    await reload();
    expect(await resume(sent)).toMatchObject({ outcome: 'done', stored: COUNT });
    await expectWhole();
  });

  it('reload while the server is away, twice: nothing is given up', async () => {
    archive.always = () => ({ kind: 'reset', stored: 0, midBody: false });
    await begin(COUNT);
    await untilJournaled(COUNT);
    await reload();
    const again = resume([]).catch(() => null);
    await page.waitForTimeout(300);
    await reload();
    await again;
    archive.always = null;
    expect(await resume([])).toMatchObject({ outcome: 'done', stored: COUNT });
    expect(archive.archive.size).toBe(COUNT);
    expect(await sessions()).toEqual([]);
  });
});
