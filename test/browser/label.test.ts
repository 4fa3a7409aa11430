import { ctSeries } from './series';
import { Viewer } from './viewer';

/**
 * A viewport that shows derived pixels, or will show them, carries its label in every state; and no series stands beside the results of
 * another. One study with two series, and a prior.
 */
describe('the label and the pair', () => {
  let viewer: Viewer;
  const PRIOR = '2.25.4800';
  const LABEL = /^ISCL DENOISED, not for diagnostic use/;

  beforeAll(async () => {
    viewer = await Viewer.open({
      files: [
        ...ctSeries({
          slices: 24,
          size: 256,
          description: 'First, of a name too long for a line of the overlay',
        }),
        ...ctSeries({ slices: 4, size: 64, description: 'Second', series: '2.25.4799', seed: 2, number: 2 }),
        ...ctSeries({
          slices: 4,
          size: 64,
          study: PRIOR,
          description: 'Prior',
          series: '2.25.4801',
          seed: 3,
        }),
      ],
    });
    await viewer.openStudy();
  });
  afterAll(() => viewer?.close());
  afterEach(() => expect(viewer.takeProblems()).toEqual([]));

  /** Texts of the labels, by viewport. */
  const labels = () =>
    viewer.page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll<HTMLElement>('[data-cy="iscl-overlay-label"]')].map(line => [
          line.closest<HTMLElement>('[data-viewport-uid]')!.dataset['viewportUid']!,
          line.parentElement!.innerText,
        ]),
      ),
    );
  /** Is the label what the screen shows at its place? */
  const onTop = () =>
    viewer.page.evaluate(() => {
      const element = document.querySelector<HTMLElement>(
        '[data-viewport-uid="iscl-denoised"] [data-cy="iscl-overlay-label"]',
      )!;
      const { left, top, width, height } = element.getBoundingClientRect();
      element.parentElement!.style.pointerEvents = 'auto';
      const hits = [left + 4, left + width - 4].map(x => document.elementFromPoint(x, top + height / 2));
      element.parentElement!.style.pointerEvents = 'none';
      return hits.every(hit => hit === element);
    });
  const inPanel = (text: string) => viewer.cy('iscl-series').getByText(text).first().waitFor();
  const open = (description: string) =>
    viewer.cy('study-browser-thumbnail').filter({ hasText: description }).first().dblclick();
  const shown = () => viewer.descriptions();
  const run = (name: string, options?: object) =>
    viewer.page.evaluate(([command, given]) => void window.commandsManager.runCommand(command, given), [
      name,
      options,
    ] as const);

  it('is there before the first slice, wherever the user scrolls meanwhile', async () => {
    await viewer.cy('iscl-denoise').click();
    await viewer.page.waitForSelector('[data-viewport-uid="iscl-denoised"] [data-cy="iscl-overlay-label"]');
    await viewer.scrollTo('iscl-original', 20);
    await viewer.cy('iscl-waiting').waitFor();
    await viewer.shot('label-waiting');
    const { 'iscl-denoised': label, ...others } = await labels();
    expect(label).toMatch(LABEL);
    expect(label).toContain('Strength 100 %');
    expect(label!.replace(/\s+/g, ' ')).toContain(
      'of series 1: First, of a name too long for a line of the overlay',
    );
    expect(others).toEqual({});
    // Above the cover of the slice that is not there yet.
    expect(await onTop()).toBe(true);
    await viewer.image('iscl-denoised', 20);
    expect((await labels())['iscl-denoised']).toBe(label);
  });

  it('is there on a slice that was cancelled', async () => {
    await viewer.cy('iscl-cancel').click();
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="cancelled"]');
    await viewer.scrollTo('iscl-original', 0);
    await viewer.page.getByText('This slice is not denoised').waitFor();
    expect((await labels())['iscl-denoised']).toMatch(LABEL);
    // Planes through the volume show air there, and say so.
    await viewer.page.locator('[data-viewport-uid="iscl-denoised"]').click({ position: { x: 60, y: 400 } });
    await run('setHangingProtocol', { protocolId: 'mpr' });
    await viewer.page
      .locator('[data-cy="iscl-overlay-undone"]')
      .nth(2)
      .getByText(/^\d+ of 24 slices are not denoised: empty here$/)
      .waitFor();
    await viewer.page.waitForTimeout(1000);
    await viewer.shot('label-undone');
    await viewer.cy('iscl-stage-compare').click();
    await viewer.image('iscl-original');
    await viewer.page.locator('[data-viewport-uid="iscl-original"]').click({ position: { x: 60, y: 400 } });
    await viewer.cy('iscl-denoise').click();
    await viewer.finished();
  });

  it('follows the slider, and the swap of original and denoised', async () => {
    await viewer.setStrength(60);
    expect((await labels())['iscl-denoised']).toContain('Strength 60 %');
    await run('toggleDenoised');
    await viewer.page.waitForFunction(
      () => document.querySelectorAll('[data-cy="iscl-overlay-label"]').length === 2,
    );
    await viewer.page.waitForFunction(() =>
      window.stacks().some(one => one.id === 'iscl-original' && one.getCurrentImageId().startsWith('iscl:')),
    );
    await run('toggleDenoised');
    await viewer.page.waitForFunction(
      () => document.querySelectorAll('[data-cy="iscl-overlay-label"]').length === 1,
    );
    expect(
      await viewer.page.evaluate(
        () =>
          window
            .stacks()
            .find(one => one.id === 'iscl-original')!
            .getCornerstoneImage().imageId,
      ),
    ).not.toMatch(/^iscl:/);
  });

  it('is there while cine runs, above its controls', async () => {
    const play = (isPlaying: boolean) =>
      viewer.page.evaluate(playing => {
        const { cineService, viewportGridService } = window.services;
        viewportGridService.setActiveViewportId('iscl-denoised');
        cineService.setIsCineEnabled(playing);
        cineService.setCine({ id: 'iscl-denoised', frameRate: 24, isPlaying: playing });
      }, isPlaying);
    await play(true);
    const slices = new Set<number>();
    for (let look = 0; look < 12; look++) {
      await viewer.page.waitForTimeout(150);
      slices.add(await viewer.sliceIn('iscl-denoised'));
      expect((await labels())['iscl-denoised']).toMatch(LABEL);
      expect(await onTop()).toBe(true);
    }
    await viewer.shot('label-cine');
    expect(slices.size).toBeGreaterThan(2);
    await play(false);
  });

  it('is part of a picture that is captured', async () => {
    await viewer.page.locator('[data-viewport-uid="iscl-denoised"]').click({ position: { x: 60, y: 400 } });
    await run('showDownloadViewportModal');
    const form = '[data-viewport-uid="cornerstone-viewport-download-form"]';
    await viewer.page.waitForSelector(`${form} [data-cy="iscl-overlay-label"]`, { timeout: 60_000 });
    const label = (await labels())['cornerstone-viewport-download-form'];
    expect(label).toMatch(LABEL);
    expect(label).toContain('Strength 60 %');
    await viewer.page.waitForTimeout(1500);
    await viewer.shot('label-capture');
    await viewer.page.keyboard.press('Escape');
    await viewer.page.waitForSelector(form, { state: 'detached' });
  });

  it('a series without results that is chosen stands alone, and the first one gets its pair again', async () => {
    await viewer.page.locator('[data-viewport-uid="iscl-original"]').click({ position: { x: 60, y: 400 } });
    await open('Second');
    await inPanel('Second');
    await viewer.page.waitForFunction(() => window.stacks().length === 1);
    expect(await shown()).toEqual({ 'iscl-original': 'Second' });
    expect(await labels()).toEqual({});
    await viewer.shot('label-alone');
    await open('First');
    await viewer.image('iscl-denoised');
    expect(Object.values(await shown()).map(text => text!.slice(0, 13))).toEqual([
      'First, of a n',
      'ISCL DENOISED',
    ]);
  });

  it('a prior is denoised from the second viewport, and stands beside its own result', async () => {
    await viewer.page.evaluate(async prior => {
      const [source] = window.extensionManager.getActiveDataSource();
      await source!.retrieve.series.metadata({ StudyInstanceUID: prior });
    }, PRIOR);
    await viewer.page.waitForFunction(() =>
      window.services.displaySetService.getActiveDisplaySets().some(one => one.SeriesDescription === 'Prior'),
    );
    await viewer.page.evaluate(() => {
      const { displaySetService, viewportGridService } = window.services;
      const prior = displaySetService.getActiveDisplaySets().find(one => one.SeriesDescription === 'Prior')!;
      viewportGridService.setActiveViewportId('iscl-denoised');
      viewportGridService.setDisplaySetsForViewports([
        { viewportId: 'iscl-denoised', displaySetInstanceUIDs: [prior.displaySetInstanceUID] },
      ]);
    });
    await inPanel('Prior');
    await viewer.cy('iscl-denoise').click();
    await viewer.finished();
    await viewer.image('iscl-denoised');
    expect(Object.values(await shown())).toEqual(['Prior', 'ISCL DENOISED, not for diagnostic use: Prior']);
    await inPanel('Prior');
    expect((await labels())['iscl-denoised']).toContain('of series 1: Prior');
    await viewer.shot('label-prior');
    // Closed, it leaves the prior on screen, not a series of the current study.
    await viewer.cy('iscl-close').click();
    await viewer.cy('iscl-close-confirm').click();
    await viewer.page.waitForFunction(() => window.stacks().length === 1);
    expect(await shown()).toEqual({ 'iscl-original': 'Prior' });
  });

  it('is on every plane of reformatted images', async () => {
    await open('First');
    await inPanel('First');
    await run('setDenoiseStage', { stage: 'compare' });
    await viewer.image('iscl-denoised');
    await viewer.page.locator('[data-viewport-uid="iscl-denoised"]').click({ position: { x: 60, y: 400 } });
    await run('setHangingProtocol', { protocolId: 'mpr' });
    await viewer.page.waitForFunction(
      () => document.querySelectorAll('[data-cy="iscl-overlay-label"]').length === 3,
      undefined,
      { timeout: 60_000 },
    );
    await viewer.page.waitForTimeout(1500);
    await viewer.shot('label-mpr');
    for (const label of Object.values(await labels())) expect(label).toMatch(LABEL);
  });

  it('original and denoised are swapped in all planes at once', async () => {
    const series = async () => new Set(Object.values(await shown()).map(text => text!.slice(0, 13)));
    for (const [planes, expected] of [
      [0, 'First, of a n'],
      [3, 'ISCL DENOISED'],
    ] as const) {
      await viewer.page.keyboard.press('o');
      await viewer.page.waitForFunction(
        count => document.querySelectorAll('[data-cy="iscl-overlay-label"]').length === count,
        planes,
        { timeout: 60_000 },
      );
      expect(await series()).toEqual(new Set([expected]));
    }
  });
});
