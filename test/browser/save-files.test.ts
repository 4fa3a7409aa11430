import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { unzipSync } from 'fflate';
import { python, pydicomMissing } from '../conformance/python';
import { dcmdump, dcmftest, missingTools } from '../conformance/tools';
import { ctSeries } from './series';
import { Viewer } from './viewer';

const SLICES = 6;
const STRENGTH = 60;
/** What the browser says of requests to a server that is gone. */
const CUT_OFF = /Failed to load resource|ERR_CONNECTION|Failed to fetch|NetworkError/;
const HU_SCRIPT = resolve(__dirname, '../conformance/hu.py');

const noDcmtk = missingTools().some(tool => tool.startsWith('dcm'));
if (noDcmtk) console.warn('saved files are not opened by dcmtk: it is not installed');
const noPydicom = pydicomMissing();
if (noPydicom) console.warn(`saved files are not opened by pydicom: ${noPydicom}`);

interface ReadByPydicom {
  readonly instanceNumber: number;
  readonly sopClass: string;
  readonly seriesInstanceUid: string;
  readonly description: string;
  readonly hu: number[];
}

/** Address of an instance's file. */
const INSTANCE = /\/dicomweb\/studies\/[^/]+\/series\/[^/]+\/instances\/[^/]+$/;

/** Files by name, as bytes. */
type Files = Readonly<Record<string, Uint8Array>>;

/** The denoised series as files: one ZIP, or a folder of the browser's own file system, whose handles are the real ones. */
describe('saving as files', () => {
  let viewer: Viewer;
  const folder = mkdtempSync(join(tmpdir(), 'iscl-saved-'));
  /** By Instance Number: HU on screen. */
  const shown = new Map<number, number[]>();
  let zipped: Files = {};

  beforeAll(async () => {
    viewer = await Viewer.open({ files: ctSeries({ slices: SLICES }) });
    await viewer.openStudy();
    await viewer.denoise();
    await viewer.image('iscl-denoised');
    await viewer.setStrength(STRENGTH);
    const numbers = await viewer.page.evaluate(() =>
      window.services.displaySetService
        .getActiveDisplaySets()[1]!
        .instances.map(one => Number(one.InstanceNumber)),
    );
    for (const [index, number] of numbers.entries()) {
      await viewer.scrollTo('iscl-denoised', index);
      await viewer.image('iscl-denoised', index);
      await viewer.page.waitForTimeout(200);
      shown.set(number, await viewer.pixels('iscl-denoised'));
    }
  });
  afterAll(async () => {
    await viewer?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const download = async (): Promise<Files> => {
    const coming = viewer.page.waitForEvent('download', { timeout: 120_000 });
    await viewer.cy('iscl-zip').click();
    const file = await coming;
    await viewer.cy('iscl-saved').waitFor();
    return unzipSync(readFileSync(await file.path()));
  };

  /** Lets the folder dialogue choose this folder of the origin private file system. */
  const choose = (name: string) =>
    viewer.page.evaluate(async chosen => {
      const root = await navigator.storage.getDirectory();
      const handle = await root.getDirectoryHandle(chosen, { create: true });
      Object.assign(window, { showDirectoryPicker: () => Promise.resolve(handle) });
    }, name);

  const inFolder = async (name: string): Promise<Files> => {
    const found = await viewer.page.evaluate(async chosen => {
      const root = await navigator.storage.getDirectory();
      const files: Record<string, number[]> = {};
      const folder = (await root.getDirectoryHandle(chosen)) as FileSystemDirectoryHandle & {
        values(): AsyncIterable<FileSystemFileHandle>;
      };
      for await (const handle of folder.values()) {
        files[handle.name] = Array.from(new Uint8Array(await (await handle.getFile()).arrayBuffer()));
      }
      return files;
    }, name);
    return Object.fromEntries(Object.entries(found).map(([file, bytes]) => [file, Uint8Array.from(bytes)]));
  };

  const sorted = (files: Files) => Object.fromEntries(Object.entries(files).sort());

  it('downloads a ZIP whose files dcmtk and pydicom open, with the HU on screen', async () => {
    zipped = sorted(await download());
    await viewer.shot('saved-zip');
    expect(Object.keys(zipped)).toHaveLength(SLICES);
    const paths = Object.entries(zipped).map(([name, bytes]) => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return path;
    });
    if (!noDcmtk) {
      for (const path of paths) {
        expect(dcmftest(path)).toBe(true);
        expect(dcmdump(path)).toEqual([]);
      }
    }
    if (!noPydicom) {
      const read = python(HU_SCRIPT, [], paths.join('\n'))
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as ReadByPydicom);
      expect(new Set(read.map(one => one.instanceNumber))).toEqual(new Set(shown.keys()));
      expect(new Set(read.map(one => one.seriesInstanceUid)).size).toBe(1);
      for (const image of read) {
        expect(image.sopClass).toBe('CT Image Storage');
        expect(image.description).toBe(`ISCL DENOISED ${STRENGTH} % CT slab fast 1.0.0: Chest 2 mm`);
        expect(image.hu).toEqual(shown.get(image.instanceNumber));
      }
    }
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('writes the same files into a folder', async () => {
    await choose('chosen');
    await viewer.cy('iscl-folder').click();
    await viewer.page.getByText(`${SLICES} slices written to “chosen”`).waitFor({ timeout: 60_000 });
    await viewer.shot('saved-folder');
    expect(sorted(await inFolder('chosen'))).toEqual(zipped);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('tells of a folder that may not be written, keeps what is there, and goes on from it', async () => {
    await choose('withdrawn');
    await viewer.page.evaluate(async () => {
      const handle = await window.showDirectoryPicker!({ mode: 'readwrite' });
      const open = handle.getFileHandle.bind(handle);
      // A permission that is withdrawn half-way cannot be staged in the origin private file system.
      handle.getFileHandle = async (name, options) => {
        const file = await open(name, options);
        if (name !== 'IM0001.dcm' && name !== 'IM0002.dcm') {
          file.createWritable = () =>
            Promise.reject(new DOMException('The request is not allowed.', 'NotAllowedError'));
        }
        return file;
      };
    });
    await viewer.cy('iscl-folder').click();
    const notice = viewer.cy('iscl-notice-save-folder');
    await notice.waitFor({ timeout: 60_000 });
    const text = await notice.innerText();
    expect(text).toContain(`the browser may not write there (2 of ${SLICES} files are there).`);
    expect(text).toContain('files already complete stay in the folder');
    expect(text).toContain('Choose another folder');
    await viewer.shot('folder-refused');
    const [first, second] = Object.entries(zipped);
    expect(sorted(await inFolder('withdrawn'))).toEqual(Object.fromEntries([first!, second!]));

    await choose('withdrawn');
    await viewer.cy('iscl-folder').click();
    await viewer.page.getByText(`${SLICES} slices written to “withdrawn”`).waitFor({ timeout: 60_000 });
    expect(sorted(await inFolder('withdrawn'))).toEqual(zipped);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('tells of a disk that is full, and leaves no half file', async () => {
    const cdp = await viewer.page.context().newCDPSession(viewer.page);
    const origin = new URL(viewer.server.url).origin;
    const used = await viewer.page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);
    const [size] = Object.values(zipped).map(bytes => bytes.length);
    await choose('full');
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: used + 2.5 * size! });
    await viewer.cy('iscl-folder').click();
    const notice = viewer.cy('iscl-notice-save-folder');
    await notice.waitFor({ timeout: 60_000 });
    await expect(notice.innerText()).resolves.toContain('the disk is full');
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    for (const [name, bytes] of Object.entries(await inFolder('full'))) expect(bytes).toEqual(zipped[name]);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('tells of a folder that was not given, and says nothing when the dialogue is closed', async () => {
    const refuse = (name: string) =>
      viewer.page.evaluate(reason => {
        const refused = () => Promise.reject(new DOMException('No.', reason));
        Object.assign(window, { showDirectoryPicker: refused });
      }, name);
    await viewer.cy('iscl-zip').click();
    await viewer.cy('iscl-saved').waitFor({ timeout: 60_000 });
    await refuse('AbortError');
    await viewer.cy('iscl-folder').click();
    await viewer.page.waitForTimeout(500);
    await expect(viewer.cy('iscl-saved').count()).resolves.toBe(1);
    await refuse('NotAllowedError');
    await viewer.cy('iscl-folder').click();
    await viewer.cy('iscl-notice-save-folder').waitFor();
    await expect(viewer.cy('iscl-notice-save-folder').innerText()).resolves.toContain('the browser may not');
    expect(viewer.takeProblems()).toEqual([]);
  });

  it.each([
    ['403', { status: 403, body: '' }, 'refuses to give it (HTTP 403)'],
    ['400', { status: 400, body: '' }, 'answers HTTP 400'],
    [
      'a page',
      { status: 200, contentType: 'text/html', body: '<html>Welcome</html>' },
      'something else than DICOM',
    ],
  ])(
    'saves what the viewer has where the archive gives %s instead of a file, and says so',
    async (_, answer, why) => {
      await viewer.page.route(INSTANCE, route => route.fulfill(answer));
      const bare = await download();
      expect(Object.keys(bare)).toHaveLength(SLICES);
      await expect(viewer.cy('iscl-save-bare').innerText()).resolves.toContain(why);
      await viewer.page.unrouteAll();
      expect(sorted(await download())).toEqual(zipped);
      await expect(viewer.cy('iscl-save-bare').count()).resolves.toBe(0);
      await viewer.cy('iscl-save-dismiss').click();
      await viewer.cy('iscl-saved').waitFor({ state: 'detached' });
      expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
    },
  );

  it('tells of a server that goes away in the middle of a ZIP, and saves it whole when it is back', async () => {
    let headers = 0;
    await viewer.page.route(INSTANCE, async route => {
      if (++headers === 3) await viewer.stopServer();
      await route.continue();
    });
    await viewer.cy('iscl-zip').click();
    const notice = viewer.cy('iscl-notice-source-header');
    await notice.waitFor({ timeout: 120_000 });
    const text = await notice.innerText();
    expect(text).toContain('The denoised slices are kept');
    expect(text).toContain('save again');
    expect(text).toContain('the archive does not answer');
    // No UID is cut in half: it stands in the details alone.
    expect(text).not.toMatch(/\d+\.\d+\.\d+/);
    await viewer.shot('server-gone-zip');
    await viewer.page.unrouteAll();
    await viewer.restartServer();
    expect(sorted(await download())).toEqual(zipped);
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });

  it('tells of a server that goes away in the middle of a store, and stores the rest when it is back', async () => {
    let posts = 0;
    await viewer.page.route('**/dicomweb/studies', async (route, request) => {
      if (request.method() === 'POST' && ++posts === 1) await viewer.stopServer();
      await route.continue();
    });
    await viewer.cy('iscl-store').click();
    const notice = viewer.cy('iscl-notice-store-unreachable');
    await notice.waitFor({ timeout: 180_000 });
    await expect(notice.innerText()).resolves.toMatch(/does not answer[^]*kept[^]*store again/);
    await viewer.shot('server-gone-store');
    await viewer.page.unrouteAll();
    await viewer.restartServer();
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor({ timeout: 120_000 });
    await expect(viewer.cy('iscl-saved').innerText()).resolves.toContain(`${SLICES} slices in the archive`);
    await expect(viewer.cy('iscl-unfinished').count()).resolves.toBe(0);
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });

  it('tells of a server that is gone before the store begins', async () => {
    await viewer.setStrength(30);
    await viewer.stopServer();
    await viewer.cy('iscl-store').click();
    const notice = viewer.cy('iscl-notice-source-header');
    await notice.waitFor({ timeout: 180_000 });
    await expect(notice.innerText()).resolves.toContain('save again');
    await viewer.restartServer();
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor({ timeout: 120_000 });
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });
});
