import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { unzipSync } from 'fflate';
import { BOX_MODEL, boxCard, boxMean } from '../../src/engine/fixtures';
import { ctSeries } from './series';
import { Viewer } from './viewer';

const SLICES = 24;
const SIZE = 64;

/**
 * The graphics process dies while the job runs, which is what a driver reset looks like to the page. The model is the 3x3 mean: what
 * each slice must be is known, and SwiftShader is quick enough with it to lose a device in the middle of a series.
 */
describe('a lost device', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await Viewer.open({
      files: ctSeries({ slices: SLICES, size: SIZE }),
      webgpu: true,
      engine: {
        providers: ['webgpu', 'wasm'],
        threads: 1,
        allowSoftwareAdapter: true,
        warmUp: { rows: SIZE, columns: SIZE },
        manifestUrl: '/box-model/manifest.json',
        // A 3x3 mean blurs.
        guards: { mode: 'warn' },
      },
    });
    await viewer.page.route('**/box-model/*', (route, request) =>
      route.fulfill({ body: readFileSync(join(BOX_MODEL, basename(new URL(request.url()).pathname))) }),
    );
    await viewer.openStudy();
  });
  afterAll(() => viewer?.close());

  it('is told while the job goes on', async () => {
    await viewer.cy('iscl-denoise').click();
    await viewer.page.waitForFunction(
      () => Number(document.querySelector<HTMLElement>('[data-cy="iscl-progress"]')?.dataset['done']) >= 2,
      undefined,
      { timeout: 120_000, polling: 20 },
    );
    const cdp = await viewer.browser.newBrowserCDPSession();
    // The process takes the command's answer with it.
    void cdp.send('Browser.crashGpuProcess').catch(() => undefined);
    const told = viewer.cy('iscl-repair');
    await told.waitFor({ timeout: 120_000 });
    expect(Number(await viewer.cy('iscl-progress').getAttribute('data-done'))).toBeLessThan(SLICES);
    const text = await told.innerText();
    expect(text).toContain('The connection to the graphics card (WebGPU) was lost.');
    expect(text).toContain('Slices already denoised are kept');
    expect(text).toContain('You need not do anything');
    // Cornerstone's WebGL contexts went with the same process, and it draws black with those it is given back.
    expect(text).toContain('save the series when it is done, then reload the page');
    await viewer.shot('device-lost');
    await viewer.finished();
    await expect(told.count()).resolves.toBe(1);
    await expect(viewer.cy('iscl-failed-slices').count()).resolves.toBe(0);
    await expect(viewer.cy('iscl-progress').getAttribute('data-done')).resolves.toBe(String(SLICES));
    await expect(viewer.cy('iscl-store').isEnabled()).resolves.toBe(true);
    await expect(viewer.cy('iscl-provider').innerText()).resolves.toMatch(/^Web/);
  });

  it('costs no slice, and makes none wrong', async () => {
    const [low, high] = boxCard().input.rangeHU;
    for (let index = 0; index < SLICES; index++) {
      await viewer.scrollTo('iscl-original', index);
      await viewer.image('iscl-original', index);
      await viewer.image('iscl-denoised', index);
      const original = await viewer.pixels('iscl-original');
      const clamped = Float32Array.from(original, value => Math.min(Math.max(value, low), high));
      // What lies beyond the model's range is given back.
      const expected = boxMean(clamped, SIZE, SIZE).map((value, i) => value + original[i]! - clamped[i]!);
      const got = await viewer.pixels('iscl-denoised');
      const worst = Math.max(...got.map((value, i) => Math.abs(value - expected[i]!)));
      expect([index, worst <= 1]).toEqual([index, true]);
    }
    expect(viewer.takeProblems(/VerifyEachNodeIsAssignedToAnEp/)).toEqual([]);
  });

  it('leaves a series that can be saved before the page is reloaded', async () => {
    const coming = viewer.page.waitForEvent('download', { timeout: 120_000 });
    await viewer.cy('iscl-zip').click();
    const files = unzipSync(readFileSync(await (await coming).path()));
    expect(Object.keys(files)).toHaveLength(SLICES);
    await viewer.shot('device-lost-saved');
  });
});
