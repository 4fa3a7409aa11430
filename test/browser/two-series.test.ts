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
  const inPanel = (text: string) => viewer.cy('iscl-series').getByText(text, { exact: true }).waitFor();
  const shown = () => viewer.descriptions();
  const DENOISED = 'ISCL DENOISED, not for diagnostic use';

  it('the second one pauses the first, and has a comparison of its own', async () => {
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised');
    await open('Second');
    await inPanel('Second');
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised');
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="running"]');
    expect(await shown()).toEqual({ 'iscl-original': 'Second', 'iscl-denoised': `${DENOISED}: Second` });
  });

  it('back at the first one, its own result is beside it, and it goes on from where it was', async () => {
    await open('First');
    await inPanel('First');
    await viewer.image('iscl-denoised');
    await viewer.page.waitForTimeout(1000);
    expect(await shown()).toEqual({ 'iscl-original': 'First', 'iscl-denoised': `${DENOISED}: First` });
    expect(await viewer.sliceIn('iscl-denoised')).toBe(await viewer.sliceIn('iscl-original'));
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="paused"]');
    await viewer.cy('iscl-resume').click();
    await viewer.finished();
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
});
