import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { bodySeries } from '../guard/body';
import { STUDY } from '../store/instances';
import { Viewer } from './viewer';

const FAULTY = resolve('test/fixtures/faulty-models');

/** Models with planted faults (test/fixtures/faulty-models): what the guard finds on the scan itself is told, and not saved. */
describe('the guard', () => {
  let viewer: Viewer;
  let model = '';
  const downloads: string[] = [];
  beforeAll(async () => {
    viewer = await Viewer.open({
      files: bodySeries(4).map(({ part10 }) => Buffer.from(part10)),
      engine: { providers: ['wasm'], threads: 1, manifestUrl: '/faulty-models/manifest.json' },
    });
    await viewer.page.route('**/faulty-models/*', (route, request) => {
      const file = readFileSync(resolve(FAULTY, basename(new URL(request.url()).pathname)));
      const isManifest = request.url().endsWith('.json');
      return route.fulfill({
        body: isManifest ? JSON.stringify({ ...JSON.parse(file.toString()), default: model }) : file,
      });
    });
    viewer.page.on('download', download => downloads.push(download.suggestedFilename()));
  });
  afterAll(() => viewer?.close());

  const denoise = async (planted: string) => {
    model = planted;
    await viewer.openStudy(STUDY);
    await viewer.denoise();
  };

  it.each([
    ['shift', 'guard-tissue', 'shifts soft tissue of this scan by +5.0 HU'],
    ['blur', 'guard-edges', 'blurs this scan'],
    ['texture', 'guard-texture', 'adds texture'],
    ['tile', 'guard-region', 'the mean changes by +12'],
    ['size', 'guard-tissue', 'shifts'],
  ])('%s: %s is told, and nothing is saved', async (planted, code, words) => {
    await denoise(planted);
    const told = viewer.cy('iscl-guard').locator(`[data-cy="iscl-notice-${code}"]`).last();
    await told.waitFor({ timeout: 120_000 });
    expect(await told.innerText()).toContain(words);
    await viewer.cy('iscl-zip').click();
    const refused = viewer.cy('iscl-save').locator('[data-cy^="iscl-notice-guard"]');
    await refused.waitFor();
    expect(await refused.innerText()).toContain('is not saved');
    expect(downloads).toEqual([]);
  });

  it('erase: the lesions are told, and one click sets the strength that keeps them, which can be saved', async () => {
    await denoise('erase');
    const lesions = viewer.cy('iscl-guard-lesions');
    await lesions.waitFor({ timeout: 120_000 });
    expect(await lesions.innerText()).toMatch(/5 mm, 20 HU\s+\d+ % ± \d+/);
    await viewer.cy('iscl-zip').click();
    await viewer.cy('iscl-save').locator('[data-cy="iscl-notice-guard-lesions"]').waitFor();
    expect(downloads).toEqual([]);
    await viewer.shot('guard-erase');
    await viewer.cy('iscl-guard-set').click();
    await viewer.cy('iscl-guard-advice').waitFor({ state: 'detached' });
    const coming = viewer.page.waitForEvent('download', { timeout: 120_000 });
    await viewer.cy('iscl-zip').click();
    await coming;
    expect(downloads).toHaveLength(1);
  });
});
