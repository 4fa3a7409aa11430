import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { modalityOf, sliceFromStored, storedToHu } from '../../src/ct';
import type { Report } from '../../cli/report';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { python, pydicomMissing } from '../conformance/python';
import { NO_ORTHANC, startOrthanc, type Orthanc } from '../orthanc/orthanc';
import { ctSeries } from './series';
import { Viewer } from './viewer';

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);
const noPydicom = pydicomMissing();
if (noPydicom) console.warn(`HU are not compared with pydicom's: ${noPydicom}`);

/** A minute each on an idle machine; the machine of a check may be anything but idle. */
jest.setTimeout(900_000);
/** For what takes seconds there. */
const PATIENCE = { timeout: 300_000 };

/** Low-dose, GE, JPEG-LS, 512 x 512. */
const REAL = resolve(__dirname, '../../../shared/data/ct/ACRIN-001_PETCT_abdomen_lowdose');
const SLICES = 3;

const SERIES: readonly { readonly name: string; readonly files: () => Buffer[] }[] = [
  { name: 'a made series', files: () => ctSeries({ slices: SLICES }) },
  ...(existsSync(REAL)
    ? [
        {
          name: 'a real low-dose CT',
          files: () =>
            readdirSync(REAL)
              .sort()
              .slice(0, SLICES)
              .map(file => readFileSync(join(REAL, file))),
        },
      ]
    : []),
];
if (SERIES.length === 1) console.warn(`skipped: a real low-dose CT: ${REAL} is absent`);

interface Shown {
  readonly sopInstanceUid: string;
  readonly hu: readonly number[];
}

/** Orthanc, the proxy of `npm start -- --pacs`, OHIF, the plugin and the command, nothing between them that is not shipped. */
(NO_ORTHANC ? describe.skip : describe).each(SERIES)('$name in a real Orthanc', ({ files }) => {
  let orthanc: Orthanc;
  let viewer: Viewer;
  let study = '';
  let source = '';
  const folder = mkdtempSync(join(tmpdir(), 'iscl-pacs-'));
  /** By place in the series: what the viewer showed of the live series before it was stored. */
  const before = new Map<number, readonly number[]>();

  beforeAll(async () => {
    orthanc = await startOrthanc();
    for (const file of files()) {
      const body = new Uint8Array(file);
      expect((await fetch(`${orthanc.url}/instances`, { method: 'POST', body })).status).toBe(200);
    }
    const first = naturalize(parsePart10(files()[0]!));
    study = first.StudyInstanceUID;
    source = first.SeriesInstanceUID;
    viewer = await Viewer.open({ pacs: orthanc.dicomWeb });
    viewer.page.setDefaultTimeout(PATIENCE.timeout);
    await viewer.openStudy(study);
  });
  afterAll(async () => {
    await viewer?.close();
    await orthanc?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const counts = async () => {
    const { CountSeries, CountInstances } = await orthanc.get<Record<string, number>>('/statistics');
    return [CountSeries, CountInstances];
  };

  /** Puts the series that Orthanc holds (not the live one of the page) into the first viewport, as a click on its thumbnail does. */
  async function hang(seriesInstanceUid: string): Promise<void> {
    await viewer.page.waitForFunction(
      uid =>
        window.services.displaySetService
          .getActiveDisplaySets()
          .some(one => one.SeriesInstanceUID === uid && one.instances.length > 0),
      seriesInstanceUid,
    );
    await viewer.page.evaluate(uid => {
      const found = window.services.displaySetService
        .getActiveDisplaySets()
        .find(one => one.SeriesInstanceUID === uid)!;
      return window.commandsManager.runCommand('setDisplaySetsForViewports', {
        viewportsToUpdate: [
          { viewportId: 'iscl-original', displaySetInstanceUIDs: [found.displaySetInstanceUID] },
        ],
      });
    }, seriesInstanceUid);
    await viewer.cy('iscl-overlay-label').waitFor();
    await viewer.page.waitForFunction(uid => {
      const viewport = window.stacks().find(one => one.id === 'iscl-original');
      return viewport?.getCurrentImageId()?.includes(`/series/${uid}/`);
    }, seriesInstanceUid);
  }

  async function shown(viewportId: string, index: number): Promise<Shown> {
    await viewer.scrollTo(viewportId, index);
    const imageId = await viewer.image(viewportId, index);
    const [, sopInstanceUid = ''] = /instances\/([\d.]+)\//.exec(imageId) ?? [];
    return { sopInstanceUid, hu: await viewer.pixels(viewportId) };
  }

  /** Orthanc's own copy of an instance, not through DICOMweb. */
  async function fileOf(sopInstanceUid: string): Promise<Uint8Array> {
    const ids = (await (
      await fetch(`${orthanc.url}/tools/lookup`, { method: 'POST', body: sopInstanceUid })
    ).json()) as { ID: string; Type: string }[];
    expect(ids).toMatchObject([{ Type: 'Instance' }]);
    return new Uint8Array(await (await fetch(`${orthanc.url}/instances/${ids[0]!.ID}/file`)).arrayBuffer());
  }

  async function huByUs(file: Uint8Array): Promise<number[]> {
    const parsed = parsePart10(file);
    const { stored } = await decodeFrame(parsed);
    return Array.from(sliceFromStored(stored, naturalize(parsed)).hu);
  }

  function huByPydicom(file: Uint8Array): number[] {
    const path = join(folder, 'instance.dcm');
    const values = join(folder, 'values');
    writeFileSync(path, file);
    const script = join(__dirname, '../conformance/reference.py');
    expect(JSON.parse(python(script, [values], `${path}\t0\n`))).toMatchObject({ at: 0 });
    const { buffer, byteOffset, byteLength } = new Uint8Array(readFileSync(values));
    const modality = modalityOf(naturalize(parsePart10(file)));
    return Array.from(new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength)), value =>
      storedToHu(value, modality),
    );
  }

  /** Every slice looked at has, on screen, the HU of Orthanc's copy; gives them by place. */
  async function compareWithOrthanc(): Promise<Map<number, readonly number[]>> {
    const found = new Map<number, readonly number[]>();
    for (let index = 0; index < SLICES; index++) {
      const { sopInstanceUid, hu } = await shown('iscl-original', index);
      const file = await fileOf(sopInstanceUid);
      expect(hu).toEqual(await huByUs(file));
      if (!noPydicom) expect(hu).toEqual(huByPydicom(file));
      found.set(index, hu);
    }
    return found;
  }

  it('is denoised and stored through the proxy', async () => {
    await viewer.denoise();
    await viewer.setStrength(80);
    for (let index = 0; index < SLICES; index++) {
      await viewer.scrollTo('iscl-original', index);
      await viewer.image('iscl-original', index);
      const { hu } = await shown('iscl-denoised', index);
      expect(hu).not.toEqual(await viewer.pixels('iscl-original'));
      before.set(index, hu);
    }
    expect(await counts()).toEqual([1, SLICES]);
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor(PATIENCE);
    await expect(viewer.cy('iscl-saved').innerText()).resolves.toContain(`${SLICES} slices in the archive`);
    expect(await counts()).toEqual([2, 2 * SLICES]);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('after a reload OHIF lists it and shows the HU that were on screen and that Orthanc holds', async () => {
    await viewer.page.reload();
    await viewer.image('iscl-original');
    await hang(await derivedSeries());
    expect(await compareWithOrthanc()).toEqual(before);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('denoised and stored once more: all there already, nothing doubled', async () => {
    await viewer.openStudy(study);
    await viewer.denoise();
    await viewer.setStrength(80);
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor(PATIENCE);
    await expect(viewer.cy('iscl-saved').innerText()).resolves.toContain(`(${SLICES} were there)`);
    expect(await counts()).toEqual([2, 2 * SLICES]);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('a series that the command made of the same study is listed and shown with its own HU', async () => {
    const [ours] = [await derivedSeries()];
    const argv = ['--from', orthanc.dicomWeb, '--to', orthanc.dicomWeb, '--study', study, '--series', source];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        resolve('cli/iscl-denoise.mjs'),
        ...argv,
        '--strength',
        '80',
        '--threads',
        '1',
        '--json',
        '--state',
        folder,
      ],
      { maxBuffer: 2 ** 26 },
    );
    const { series } = JSON.parse(stdout) as Report;
    expect(series).toMatchObject([{ outcome: 'done', written: SLICES, provider: 'cpu' }]);
    const theirs = series[0]!.derivedSeriesInstanceUid!;
    // Another provider rounds otherwise, and a PACS keeps the first pixels of a UID: the provider is part of it.
    expect(theirs).not.toBe(ours);
    expect(await counts()).toEqual([3, 3 * SLICES]);

    await viewer.openStudy(study);
    await hang(theirs);
    const headless = await compareWithOrthanc();
    for (const [index, hu] of headless) {
      const farthest = hu.reduce(
        (far, value, i) => Math.max(far, Math.abs(value - before.get(index)![i]!)),
        0,
      );
      expect(farthest).toBeLessThanOrEqual(1);
    }
    expect(viewer.takeProblems()).toEqual([]);
  });

  /** Orthanc's series other than the source, when there is one. */
  async function derivedSeries(): Promise<string> {
    const rows = await orthanc.get<Record<string, { Value?: string[] }>[]>(
      `/dicom-web/studies/${study}/series`,
    );
    const uids = rows.map(row => row['0020000E']!.Value![0]!).filter(uid => uid !== source);
    expect(uids).toHaveLength(1);
    return uids[0]!;
  }
});
