import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { ctSeries, INTERCEPT, STUDY } from './series';
import { Viewer } from './viewer';

const SLICES = 6;
/** Of the default model, `models/manifest.json`. */
const described = (percent: number) => `ISCL DENOISED ${percent} % CT slab fast 1.0.0: Chest 2 mm`;
/** What the browser says of a request that the test made fail. */
const CUT_OFF = /Failed to load resource|ERR_FAILED|ERR_CONNECTION/;

/** The denoised series out of the viewer, and back. */
describe('saving', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await Viewer.open({ files: ctSeries({ slices: SLICES }) });
    await viewer.openStudy();
    await viewer.denoise();
    await viewer.image('iscl-denoised');
  });
  afterAll(() => viewer?.close());

  const series = () =>
    viewer.page.evaluate(() =>
      window.services.displaySetService.getActiveDisplaySets().map(one => one.SeriesDescription),
    );

  it('downloads a ZIP whose files hold the HU on screen, at the strength on screen', async () => {
    await viewer.setStrength(60);
    await viewer.page.waitForTimeout(300);
    await viewer.scrollTo('iscl-denoised', 0);
    await viewer.image('iscl-denoised', 0);
    const shown = await viewer.pixels('iscl-denoised');
    const number = await viewer.page.evaluate(() => {
      const [, denoised] = window.services.displaySetService.getActiveDisplaySets();
      return denoised!.instances[0]!.InstanceNumber;
    });

    const download = viewer.page.waitForEvent('download');
    await viewer.cy('iscl-zip').click();
    const file = await download;
    expect(file.suggestedFilename()).toBe('Chest 2 mm ISCL denoised 60 percent.zip');
    const files = Object.values(unzipSync(readFileSync(await file.path())));
    expect(files).toHaveLength(SLICES);

    const parsed = files.map(bytes => parsePart10(bytes));
    const headers = parsed.map(one => naturalize(one));
    expect(new Set(headers.map(one => one.SeriesInstanceUID)).size).toBe(1);
    expect(new Set(headers.map(one => one.SOPInstanceUID)).size).toBe(SLICES);
    const at = headers.findIndex(one => Number(one['InstanceNumber']) === Number(number));
    expect(headers[at]!['SeriesDescription']).toBe(described(60));
    expect(headers[at]!['SeriesNumber']).toBe(10600);
    expect(headers[at]!['StudyInstanceUID']).toBe(STUDY);
    const { stored } = await decodeFrame(parsed[at]!);
    expect(Array.from(stored, value => value + INTERCEPT)).toEqual(shown);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('cannot save at 0 %, where nothing is removed', async () => {
    await viewer.setStrength(0);
    await viewer.page.getByText('At 0 % nothing is removed').waitFor();
    for (const name of ['iscl-store', 'iscl-zip', 'iscl-folder'])
      await expect(viewer.cy(name).isDisabled()).resolves.toBe(true);
    await viewer.page.evaluate(() => window.commandsManager.runCommand('storeDenoisedSeries'));
    await viewer.page.getByText('the original under the name of a denoised one').first().waitFor();
    expect(await series()).toHaveLength(2);
  });

  it('keeps what it could not send, and finishes after a reload', async () => {
    await viewer.setStrength(100);
    let requests = 0;
    await viewer.page.route('**/dicomweb/studies', (route, request) =>
      request.method() === 'POST' && ++requests > 0 ? route.abort() : route.continue(),
    );
    await viewer.cy('iscl-store').click();
    await viewer.page.waitForSelector('[data-cy="iscl-notice-store-unreachable"]', { timeout: 120_000 });
    await viewer.shot('store-unreachable');
    expect(requests).toBeGreaterThan(1);
    expect(await series()).toHaveLength(2);

    // Store again takes the same journal up; it does not begin a second one.
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-save-progress').waitFor();
    await viewer.page.waitForSelector('[data-cy="iscl-notice-store-unreachable"]', { timeout: 120_000 });
    await expect(viewer.cy('iscl-store-resume').count()).resolves.toBe(1);

    await viewer.page.unroute('**/dicomweb/studies');
    await viewer.page.reload();
    await viewer.image('iscl-original');
    await viewer.cy('iscl-store-resume').click();
    await viewer.page.waitForSelector('[data-cy="iscl-unfinished"]', { state: 'detached', timeout: 60_000 });
    await viewer.page.waitForFunction(
      () => window.services.displaySetService.getActiveDisplaySets().length === 2,
    );
    expect(await series()).toEqual(['Chest 2 mm', described(100)]);
    expect(viewer.takeProblems(CUT_OFF)).toEqual([]);
  });

  it('stores to the archive, reads it back, and lists it beside the live series', async () => {
    await viewer.denoise();
    await viewer.setStrength(50);
    await viewer.cy('iscl-store').click();
    await viewer.cy('iscl-saved').waitFor({ timeout: 60_000 });
    await expect(viewer.cy('iscl-saved').innerText()).resolves.toContain(`${SLICES} slices in the archive`);
    await viewer.page.waitForFunction(
      () => window.services.displaySetService.getActiveDisplaySets().length === 4,
    );
    expect(await series()).toContain(described(50));
    await viewer.shot('stored');
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('is there after a reload, labelled, with the HU that were on screen', async () => {
    await viewer.scrollTo('iscl-denoised', 3);
    await viewer.image('iscl-denoised', 3);
    const shown = await viewer.pixels('iscl-denoised');
    await viewer.page.reload();
    await viewer.image('iscl-original');
    const uid = await viewer.page.evaluate(
      () =>
        window.services.displaySetService
          .getActiveDisplaySets()
          .find(one => one.SeriesDescription.startsWith('ISCL DENOISED 50 %'))!.displaySetInstanceUID,
    );
    await viewer.page.evaluate(
      id =>
        window.commandsManager.runCommand('setDisplaySetsForViewports', {
          viewportsToUpdate: [{ viewportId: 'iscl-original', displaySetInstanceUIDs: [id] }],
        }),
      uid,
    );
    await viewer.cy('iscl-overlay-label').waitFor();
    expect(await viewer.warningOnThumbnail('ISCL DENOISED 50 %')).toBeGreaterThan(0.02);
    await viewer.cy('iscl-stored').getByText('Already denoised, stored at 50 %').waitFor();
    await viewer.scrollTo('iscl-original', 3);
    await viewer.image('iscl-original', 3);
    expect(await viewer.pixels('iscl-original')).toEqual(shown);
    expect(viewer.takeProblems()).toEqual([]);
  });

  it('is compared, differenced and swapped with its original, and nothing is computed', async () => {
    const { page } = viewer;
    const label = () =>
      page.locator('[data-viewport-uid="iscl-denoised"] [data-cy="iscl-overlay-label"]').locator('xpath=..');
    await viewer.cy('iscl-stage-compare').click();
    expect(await viewer.image('iscl-denoised')).not.toMatch(/^iscl:/);
    expect(await viewer.sliceIn('iscl-denoised')).toBe(3);
    await viewer.image('iscl-original', 3);
    expect((await label().innerText()).replace(/\s+/g, ' ')).toBe(
      'ISCL DENOISED, not for diagnostic use Strength 50 % of series 1: Chest 2 mm',
    );
    await viewer.cy('iscl-stage-review').click();
    await viewer.image('iscl-difference');
    for (const index of [1, 4]) {
      await viewer.scrollTo('iscl-original', index);
      await viewer.image('iscl-denoised', index);
      await viewer.image('iscl-difference', index);
      const [original, stored, difference] = [
        await viewer.pixels('iscl-original'),
        await viewer.pixels('iscl-denoised'),
        await viewer.pixels('iscl-difference'),
      ];
      expect(stored).not.toEqual(original);
      expect(difference).toEqual(original.map((value, i) => value - stored[i]!));
    }
    await viewer.shot('stored-review');

    await viewer.cy('iscl-stage-single').click();
    await page.waitForFunction(() => window.stacks().length === 1);
    const original = await viewer.image('iscl-original', 4);
    await page.keyboard.press('o');
    await page.waitForFunction(before => {
      const shown = window.stacks()[0]?.getCornerstoneImage()?.imageId;
      return shown && shown !== before && window.stacks()[0]!.getCurrentImageIdIndex() === 4;
    }, original);
    await page.keyboard.press('o');
    expect(await viewer.image('iscl-original', 4)).toBe(original);

    // The other strength is one press away.
    await viewer.cy('iscl-stored-compare').click();
    await label().getByText('Strength 100 %').waitFor();
    await expect(viewer.cy('iscl-progress').count()).resolves.toBe(0);
    expect(
      await page.evaluate(() =>
        [...window.cornerstone.cache._imageCache.keys()].filter(id => id.startsWith('iscl:denoised')),
      ),
    ).toEqual([]);
    expect(viewer.takeProblems()).toEqual([]);
  });
});
