import { join } from 'node:path';
import type { Route } from 'playwright-core';
import { ctSeries } from './series';
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
        Browser: 'good: has every function that the plugin calls',
        WebAssembly: 'good: compiled a module, with SIMD',
        Worker: 'good: started one, and it compiled WebAssembly',
        'Content-Security-Policy': 'good: allows WebAssembly and workers',
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

  it("tries: a policy without 'wasm-unsafe-eval', a browser without a function, without AbortSignal.any", async () => {
    const viewer = await Viewer.open({ folders: [] });
    try {
      const policy = "default-src 'self'; style-src 'unsafe-inline'; img-src data:";
      const withPolicy = async (route: Route) => {
        const response = await route.fetch();
        const headers = { ...response.headers(), 'content-security-policy': policy };
        await route.fulfill({ response, headers });
      };
      await viewer.page.route(/check(\.html|-worker\.mjs)$/, withPolicy);
      const forbidden = await rows(viewer);
      for (const what of ['WebAssembly', 'Worker'])
        expect(forbidden[what]).toMatch(
          /^missing: a Content Security Policy[^]*add 'wasm-unsafe-eval' to script-src/,
        );
      expect(await viewer.page.textContent('#verdict')).toMatch(
        /^The plugin will not work here yet. Missing: 2/,
      );
      await viewer.page.unrouteAll();

      await viewer.page.addInitScript(() => {
        Reflect.deleteProperty(Array.prototype, 'findLast');
        Reflect.deleteProperty(AbortSignal, 'any');
      });
      expect((await rows(viewer))['Browser']).toMatch(/^missing: lacks Array.findLast[^]*Chrome or Edge 103/);
    } finally {
      await viewer.close();
    }
  });

  it('denoises without AbortSignal.any', async () => {
    const viewer = await Viewer.open({ files: ctSeries({ slices: 3 }) });
    try {
      await viewer.page.addInitScript(() => Reflect.deleteProperty(AbortSignal, 'any'));
      await viewer.openStudy();
      await viewer.denoise();
      expect(viewer.takeProblems()).toEqual([]);
    } finally {
      await viewer.close();
    }
  });
});
