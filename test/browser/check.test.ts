import { join } from 'node:path';
import { SHOTS, Viewer } from './viewer';

/** The rows of the installation check: name to verdict and text. */
async function rows(viewer: Viewer): Promise<Record<string, string>> {
  await viewer.page.goto(`${viewer.server.url}plugins/iscl-ct-denoise/check.html`);
  await viewer.page.waitForFunction(
    () => !document.querySelector('#verdict')?.textContent?.startsWith('Checking'),
  );
  const cells = await viewer.page.locator('#findings tr').allInnerTexts();
  return Object.fromEntries(
    cells.map(text => text.split('\t')).map(([state, what, found]) => [what, `${state}: ${found}`]),
  );
}

describe('the installation check in a browser', () => {
  it('finds every file of the build as it was built, and threads', async () => {
    const viewer = await Viewer.open({ folders: [] });
    try {
      const found = await rows(viewer);
      expect(found).toMatchObject({
        'Isolation headers': 'good: COOP same-origin, COEP require-corp',
        'app-config.js': 'good: names the extension and the mode',
        'Plugin folder': expect.stringMatching(/^good: @iscl\/ohif-ct-denoise/),
        Files: expect.stringMatching(/^good: \d+ as built, with models\/.+\.onnx/),
        'WebAssembly threads': expect.stringMatching(/^good: \d+ processors/),
      });
      expect(Object.values(found).filter(text => text.startsWith('missing'))).toEqual([]);
      await viewer.page.screenshot({ path: join(SHOTS, 'installation-check.png') });
      expect(viewer.takeProblems()).toEqual([]);
    } finally {
      await viewer.close();
    }
  });

  it('says what a server without isolation headers costs, and what to send', async () => {
    const viewer = await Viewer.open({ folders: [], isolation: false });
    try {
      const found = await rows(viewer);
      expect(found['WebAssembly threads']).toMatch(
        /^slower: .*one thread[^]*Cross-Origin-Opener-Policy: same-origin/,
      );
      expect(await viewer.page.textContent('#verdict')).toMatch(
        /^The plugin works here, slower than it could/,
      );
    } finally {
      await viewer.close();
    }
  });
});
