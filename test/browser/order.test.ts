import { ctSeries } from './series';
import { Viewer } from './viewer';

/** Which slice comes when, and what Pause, Cancel and a second start do. Slices large enough to be caught in the act. */
describe('the order of slices', () => {
  let viewer: Viewer;
  const progress = () => viewer.cy('iscl-progress');
  const doneCount = async () => Number(await progress().getAttribute('data-done'));
  /** Places, from 0, of the slices whose derived image is in the cache or can be had at once. */
  const until = (count: number) =>
    viewer.page.waitForFunction(
      wanted =>
        Number(document.querySelector<HTMLElement>('[data-cy="iscl-progress"]')?.dataset['done'] ?? 0) >=
        wanted,
      count,
      { timeout: 120_000 },
    );

  beforeAll(async () => {
    // Twenty lies far from every slice that is looked at before, so it is done last.
    viewer = await Viewer.open({ files: ctSeries({ slices: 40, size: 256 }) });
    await viewer.openStudy();
  });
  afterAll(() => viewer?.close());
  afterEach(() => expect(viewer.takeProblems()).toEqual([]));

  it('does the slice on screen first', async () => {
    await viewer.scrollTo('iscl-original', 5);
    await viewer.image('iscl-original', 5);
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised', 5);
    expect(await doneCount()).toBeLessThan(8);
  });

  it('goes where the user scrolls, and covers what is not denoised yet', async () => {
    await viewer.scrollTo('iscl-original', 36);
    await viewer.cy('iscl-waiting').waitFor();
    await expect(viewer.cy('iscl-waiting').innerText()).resolves.toBe('Denoising slice 37 …');
    await viewer.shot('waiting');
    await viewer.image('iscl-denoised', 36);
    expect(await doneCount()).toBeLessThan(36);
    await expect(viewer.cy('iscl-waiting').count()).resolves.toBe(0);
  });

  it('shows a thumbnail with the warning long before all is done', async () => {
    await viewer.page.waitForSelector('[data-cy="study-browser-thumbnail"]:has-text("ISCL DENOISED") img');
    expect(await viewer.warningOnThumbnail('ISCL DENOISED')).toBeGreaterThan(0.02);
  });

  it('pauses, and still serves the slice that is looked at', async () => {
    await viewer.cy('iscl-pause').click();
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="paused"]');
    await viewer.page.waitForTimeout(2500);
    const before = await doneCount();
    await viewer.page.waitForTimeout(1500);
    expect(await doneCount()).toBe(before);
    await viewer.scrollTo('iscl-denoised', 14);
    await viewer.image('iscl-denoised', 14);
    // The default model gives the three slices of a slab at once.
    expect(await doneCount()).toBeLessThanOrEqual(before + 3);
  });

  it('keeps what is done when cancelled, says so, and goes on from there', async () => {
    await viewer.cy('iscl-resume').click();
    await viewer.cy('iscl-cancel').click();
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="cancelled"]');
    const kept = await doneCount();
    expect(kept).toBeGreaterThan(0);
    await expect(viewer.cy('iscl-store').isEnabled()).resolves.toBe(false);
    await viewer.scrollTo('iscl-original', 20);
    await viewer.page.getByText('This slice is not denoised').waitFor();
    await viewer.shot('cancelled');
    await viewer.cy('iscl-denoise').click();
    await viewer.image('iscl-denoised', 20);
    await until(kept + 1);
    await viewer.finished();
    await expect(progress().getAttribute('data-done')).resolves.toBe('40');
  });

  it('makes no second series when Denoise is pressed again', async () => {
    await viewer.page.evaluate(() => window.commandsManager.runCommand('denoiseSeries'));
    await viewer.page.waitForTimeout(500);
    const series = await viewer.page.evaluate(
      () => window.services.displaySetService.getActiveDisplaySets().length,
    );
    expect(series).toBe(2);
  });

  it('reformats the denoised series like any other', async () => {
    await viewer.scrollTo('iscl-original', 12);
    await viewer.image('iscl-denoised', 12);
    await viewer.page.locator('[data-viewport-uid="iscl-denoised"]').click({ position: { x: 40, y: 300 } });
    await viewer.page.evaluate(() =>
      window.commandsManager.runCommand('setHangingProtocol', { protocolId: 'mpr' }),
    );
    const volume = await viewer.page.waitForFunction(
      () => {
        const [first] = window.cornerstone.cache.getVolumes();
        const loaded = first?.imageIds.filter(id => window.cornerstone.cache.getImage(id)).length;
        return loaded === 40 ? first!.imageIds[0] : null;
      },
      undefined,
      { timeout: 60_000 },
    );
    expect(await volume.jsonValue()).toMatch(/^iscl:denoised/);
    await viewer.page.waitForTimeout(2000);
    await viewer.shot('mpr');
  });

  it('blends in the reformatted images too', async () => {
    const sagittal = () => viewer.page.locator('.cornerstone-canvas').nth(1).screenshot();
    const full = await sagittal();
    await viewer.setStrength(0);
    await viewer.page.waitForTimeout(2500);
    expect((await sagittal()).equals(full)).toBe(false);
  });

  it('frees a series that is closed', async () => {
    await viewer.cy('iscl-close').click();
    await viewer.cy('iscl-close-confirm').click();
    await viewer.image('iscl-original');
    await viewer.page.waitForFunction(
      () => window.services.displaySetService.getActiveDisplaySets().length === 1,
    );
    const left = await viewer.page.evaluate(() => ({
      images: [...window.cornerstone.cache._imageCache.keys()].filter(id => id.startsWith('iscl:')).length,
      displaySets: window.services.displaySetService.getActiveDisplaySets().length,
    }));
    expect(left).toEqual({ images: 0, displaySets: 1 });
    await expect(viewer.cy('iscl-denoise').isEnabled()).resolves.toBe(true);
  });

  it('can be left in the middle', async () => {
    await viewer.cy('iscl-denoise').click();
    await until(1);
    await viewer.leave();
    await viewer.page.waitForTimeout(1500);
    const left = await viewer.page.evaluate(
      () => [...window.cornerstone.cache._imageCache.keys()].filter(id => id.startsWith('iscl:')).length,
    );
    expect(left).toBe(0);
    expect(viewer.page.workers().filter(worker => worker.url().includes('iscl-ct-denoise'))).toEqual([]);
  });
});
