import { ctSeries } from './series';
import { Viewer } from './viewer';

/** A comparison in the stock viewer, from the study list to leaving the mode. */
describe('denoising in the viewer', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await Viewer.open({ files: ctSeries({ downward: true }) });
  });
  afterAll(() => viewer?.close());
  afterEach(() => expect(viewer.takeProblems()).toEqual([]));

  it('offers the mode for a CT study in the study list', async () => {
    await viewer.page.goto(viewer.server.url);
    await viewer.page.getByText('Made for tests').first().click();
    await viewer.hideBanner();
    await viewer.page.getByText('Low-dose CT').first().waitFor();
    await viewer.shot('study-list');
  });

  it('shows the original, and what the panel will do with it', async () => {
    await viewer.openStudy();
    await expect(viewer.cy('iscl-series').innerText()).resolves.toContain('8 slices, 64 × 64');
    await expect(viewer.cy('iscl-denoise').isEnabled()).resolves.toBe(true);
    await expect(viewer.cy('Denoise-btn').isEnabled()).resolves.toBe(true);
    await viewer.shot('single');
  });

  it('denoises every slice and hangs the result beside the original, labelled', async () => {
    await viewer.denoise();
    await viewer.image('iscl-denoised');
    await expect(viewer.cy('iscl-provider').getAttribute('data-provider')).resolves.toBe('wasm');
    await expect(viewer.cy('iscl-overlay-label').first().innerText()).resolves.toBe(
      'ISCL DENOISED, not for diagnostic use',
    );
    const [original, denoised] = [await viewer.pixels('iscl-original'), await viewer.pixels('iscl-denoised')];
    expect(denoised).not.toEqual(original);
    // Noise goes, HU stay: in the middle of the body.
    const body = (pixels: number[]) => region(pixels, 28, 12, 36, 20);
    expect(deviation(body(denoised))).toBeLessThan(deviation(body(original)));
    expect(Math.abs(mean(body(denoised)) - mean(body(original)))).toBeLessThan(10);
    const listed = await viewer.page.evaluate(() =>
      window.services.displaySetService.getActiveDisplaySets().map(one => one.SeriesDescription),
    );
    expect(listed).toEqual(['Chest 2 mm', 'ISCL DENOISED, not for diagnostic use: Chest 2 mm']);
    await viewer.shot('compare');
  });

  it('keeps both viewports on one slice, whichever is scrolled', async () => {
    await viewer.scrollTo('iscl-original', 5);
    await viewer.image('iscl-denoised', 5);
    await viewer.scrollTo('iscl-denoised', 2);
    await viewer.image('iscl-original', 2);
    expect(await viewer.sliceIn('iscl-denoised')).toBe(2);
  });

  it('blends by the strength without inference, and exactly', async () => {
    const original = await viewer.pixels('iscl-original');
    const full = await viewer.pixels('iscl-denoised');
    await viewer.setStrength(40);
    await viewer.page.waitForTimeout(300);
    const blended = await viewer.pixels('iscl-denoised');
    const expected = original.map((value, i) => Math.round(value + 0.4 * (full[i]! - value)));
    const off = blended.filter((value, i) => Math.abs(value - expected[i]!) > 1).length;
    expect(off).toBe(0);
    await viewer.setStrength(0);
    await viewer.page.waitForTimeout(300);
    expect(await viewer.pixels('iscl-denoised')).toEqual(original);
    await viewer.setStrength(100);
    await viewer.page.waitForTimeout(300);
    expect(await viewer.pixels('iscl-denoised')).toEqual(full);
  });

  it('draws what it holds: the canvas changes with the strength', async () => {
    const canvas = () =>
      viewer.page.locator('[data-viewport-uid="iscl-denoised"] canvas').first().screenshot();
    const full = await canvas();
    await viewer.setStrength(0);
    await viewer.page.waitForTimeout(500);
    const none = await canvas();
    expect(none.equals(full)).toBe(false);
    await viewer.setStrength(100);
    await viewer.page.waitForTimeout(500);
    expect((await canvas()).equals(full)).toBe(true);
  });

  it("gives mean and SD of OHIF's own regions, before and after", async () => {
    await viewer.page.evaluate(() =>
      window.commandsManager.runCommand('setToolActive', {
        toolName: 'EllipticalROI',
        toolGroupId: 'default',
      }),
    );
    const box = (await viewer.page.locator('[data-viewport-uid="iscl-original"]').boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height * 0.36];
    await viewer.page.mouse.move(x, y);
    await viewer.page.mouse.down();
    await viewer.page.mouse.move(x + 20, y + 10, { steps: 4 });
    await viewer.page.mouse.move(x + 40, y + 25, { steps: 4 });
    await viewer.page.mouse.up();
    const row = viewer.cy('iscl-roi');
    await row.waitFor();
    // The figures follow the drag; the last ones are of the whole ellipse.
    await viewer.page.waitForFunction(
      () => Number(document.querySelector<HTMLElement>('[data-cy="iscl-roi"]')?.dataset['pixels']) > 20,
    );
    const numbers = (text: string) => [...text.matchAll(/[\d.]+/g)].map(Number);
    const [, , before, after] = (await row.locator('td').allInnerTexts()).map(
      text => numbers(text)[0] ?? NaN,
    );
    expect(Math.abs(before! - after!)).toBeLessThan(10);
    // The slice by the number that stands in the viewport.
    const shown = (await viewer.sliceIn('iscl-original')) + 1;
    await expect(row.locator('xpath=following-sibling::tr[1]').innerText()).resolves.toContain(
      `slice ${shown}`,
    );
    const sd = await row.locator('xpath=following-sibling::tr[1]').locator('td').allInnerTexts();
    expect(Number(sd[3])).toBeLessThan(0.75 * Number(sd[2]));
    await viewer.page.evaluate(() =>
      window.commandsManager.runCommand('setToolActive', { toolName: 'WindowLevel', toolGroupId: 'default' }),
    );
  });

  it('shows what was removed in the stage review', async () => {
    await viewer.cy('iscl-stage-review').click();
    const id = await viewer.image('iscl-difference');
    expect(id).toMatch(/^iscl:difference/);
    const [original, denoised] = [await viewer.pixels('iscl-original'), await viewer.pixels('iscl-denoised')];
    await expect(viewer.cy('iscl-overlay-difference').innerText()).resolves.toBe('Original − denoised, HU');
    // Noise of 35 HU was made; a window of six SD of what was removed.
    const { lower, upper } = await viewer.page.evaluate(
      () =>
        window
          .stacks()
          .find(one => one.id === 'iscl-difference')!
          .getProperties().voiRange,
    );
    const removed = deviation(
      region(original, 28, 12, 36, 20).map((value, i) => value - region(denoised, 28, 12, 36, 20)[i]!),
    );
    expect((upper - lower) / removed).toBeGreaterThan(4);
    expect((upper - lower) / removed).toBeLessThan(12);
    expect(await viewer.pixels('iscl-difference')).toEqual(original.map((value, i) => value - denoised[i]!));
    await viewer.scrollTo('iscl-difference', 6);
    await viewer.image('iscl-original', 6);
    await viewer.image('iscl-denoised', 6);
    await viewer.page.waitForTimeout(500);
    await viewer.shot('review');
    await viewer.page.setViewportSize({ width: 1920, height: 1080 });
    await viewer.page.waitForTimeout(1500);
    await viewer.shot('review');
    await viewer.cy('iscl-stage-compare').click();
    await viewer.image('iscl-denoised');
    await viewer.page.waitForTimeout(1000);
    await viewer.shot('compare');
    await viewer.page.setViewportSize({ width: 1400, height: 850 });
  });

  it('swaps original and denoised in the active viewport by its hotkey', async () => {
    await viewer.cy('iscl-stage-single').click();
    await viewer.image('iscl-original');
    await viewer.page.keyboard.press('o');
    await viewer.page.waitForFunction(() =>
      window.stacks().some(one => one.getCurrentImageId()?.startsWith('iscl:denoised')),
    );
  });

  it('leaves nothing behind when the mode is left', async () => {
    await viewer.leave();
    await viewer.page.waitForTimeout(500);
    const left = await viewer.page.evaluate(() => ({
      images: [...window.cornerstone.cache._imageCache.keys()].filter(id => id.startsWith('iscl:')),
      volumes: window.cornerstone.cache.getVolumes().length,
      displaySets: window.services.displaySetService.getActiveDisplaySets().length,
    }));
    expect(left).toEqual({ images: [], volumes: 0, displaySets: 0 });
    expect(viewer.page.workers().filter(worker => worker.url().includes('iscl-ct-denoise'))).toEqual([]);
  });
});

function region(pixels: number[], left: number, top: number, right: number, bottom: number): number[] {
  return pixels.filter((_, i) => {
    const [x, y] = [i % 64, Math.floor(i / 64)];
    return x >= left && x < right && y >= top && y < bottom;
  });
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: number[]) => Math.sqrt(mean(values.map(value => (value - mean(values)) ** 2)));
