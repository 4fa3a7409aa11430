import { ctSeries } from './series';
import { Viewer } from './viewer';

/** Two series of a study, denoised in turn: whose result stands beside which original, and who computes. */
describe('two series of a study', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await Viewer.open({
      files: [
        // Long enough to be still at work when the other one is opened.
        ...ctSeries({ slices: 60, size: 512, description: 'First' }),
        ...ctSeries({
          slices: 30,
          size: 512,
          description: 'Second',
          series: '2.25.4799',
          seed: 2,
          number: 2,
        }),
      ],
    });
    await viewer.openStudy();
  });
  afterAll(() => viewer?.close());
  afterEach(() => expect(viewer.takeProblems()).toEqual([]));

  const open = (description: string) =>
    viewer.cy('study-browser-thumbnail').filter({ hasText: description }).first().dblclick();
  /** The title of the series that the panel is about; the queue below names the others. */
  const inPanel = (text: string) =>
    viewer.cy('iscl-series').locator('.iscl-title').getByText(text, { exact: true }).waitFor();
  const shown = () => viewer.descriptions();
  const DENOISED = 'ISCL DENOISED, not for diagnostic use';

  const queue = () => viewer.cy('iscl-queue').locator('li').allInnerTexts();

  it('the second one goes first, has a comparison of its own, and the panel says what waits', async () => {
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised');
    await open('Second');
    await inPanel('Second');
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised');
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="running"]');
    expect(await shown()).toEqual({ 'iscl-original': 'Second', 'iscl-denoised': `${DENOISED}: Second` });
    expect((await queue()).map(text => text.replace(/\s+/g, ' '))).toEqual([
      expect.stringMatching(/^Second runs: \d+ of 30$/),
      expect.stringMatching(/^First waits: \d+ of 60$/),
    ]);
    await viewer.shot('queue');
  });

  it('back at the first one, its own result is beside it; it waits, and goes on by itself', async () => {
    await open('First');
    await inPanel('First');
    await viewer.image('iscl-denoised');
    await viewer.page.waitForTimeout(1000);
    expect(await shown()).toEqual({ 'iscl-original': 'First', 'iscl-denoised': `${DENOISED}: First` });
    expect(await viewer.sliceIn('iscl-denoised')).toBe(await viewer.sliceIn('iscl-original'));
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="waiting"]');
    await viewer.finished();
    await expect(viewer.cy('iscl-queue').count()).resolves.toBe(0);
  });

  it('closed, each leaves the other', async () => {
    await viewer.cy('iscl-close').click();
    await viewer.cy('iscl-close-confirm').click();
    await viewer.page.waitForFunction(
      () => window.services.displaySetService.getActiveDisplaySets().length === 3,
    );
    const left = await viewer.page.evaluate(() =>
      window.services.displaySetService.getActiveDisplaySets().map(one => one.SeriesDescription),
    );
    expect(left).toEqual(expect.arrayContaining(['First', 'Second', `${DENOISED}: Second`]));
  });

  it('asks before unsaved work is left, by the list and by closing the tab', async () => {
    const { page } = viewer;
    const asked: string[] = [];
    let answer = false;
    page.on('dialog', dialog => {
      asked.push(dialog.type() === 'beforeunload' ? 'beforeunload' : dialog.message());
      return answer ? dialog.accept() : dialog.dismiss();
    });
    const study = page.url();
    await viewer.cy('return-to-work-list').click();
    await page.waitForTimeout(500);
    // A browser asks only on a page that was used.
    await page.evaluate(() => window.location.reload()).catch(() => undefined);
    await page.waitForTimeout(1500);
    expect(asked).toEqual([expect.stringContaining('“Second” is denoised and not saved.'), 'beforeunload']);
    expect(page.url()).toBe(study);
    await viewer.image('iscl-original');
    // Saved, it may be left.
    await open('Second');
    await inPanel('Second');
    const download = page.waitForEvent('download');
    await viewer.cy('iscl-zip').click();
    await download;
    await viewer.cy('iscl-saved').waitFor();
    answer = true;
    await viewer.cy('return-to-work-list').click();
    await page.getByText('Study List').first().waitFor();
    expect(asked).toHaveLength(2);
  });
});
