/**
 * The picture at the top of the README: the demo study in the real viewer, denoised, in the stage `compare`. `npm run picture`.
 */
import { resolve } from 'node:path';
import { Viewer } from '../test/browser/viewer';

/** A slice through liver, spleen and kidneys, where quarter dose shows. */
const SLICE = 27;

async function main(): Promise<void> {
  const viewer = await Viewer.open({
    folders: [resolve('server/demo')],
    engine: { providers: ['wasm'] },
    size: { width: 1400, height: 850 },
  });
  try {
    const { page } = viewer;
    const studies = (await (await fetch(`${viewer.server.url}dicomweb/studies`)).json()) as {
      '0020000D': { Value: string[] };
    }[];
    await viewer.openStudy(studies[0]!['0020000D'].Value[0]!);
    await viewer.scrollTo('iscl-original', SLICE);
    await viewer.image('iscl-original', SLICE);
    await viewer.denoise();
    await viewer.image('iscl-denoised', SLICE);
    await page.mouse.move(700, 20);
    await page.waitForTimeout(1000);
    await page.screenshot({ path: 'docs/images/viewer.png' });
  } finally {
    await viewer.close();
  }
}

void main();
