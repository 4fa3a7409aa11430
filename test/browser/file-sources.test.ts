/** Data sources that list files: the files are judged and derived from, whatever the list says. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { unzipSync } from 'fflate';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { absentHere } from '../absent';
import { Viewer } from './viewer';

const TRIALS = resolve('../shared/data/trials/02-dicomjson');
const absent = absentHere(existsSync(TRIALS) ? null : `${TRIALS} is absent`);
if (absent) console.warn(`skipped: ${absent}`);
const withData = absent ? it.skip : it;

/** The study of a trial's list, its files on the viewer's own server. */
async function opened(list: string, folder: string): Promise<Viewer> {
  const viewer = await Viewer.open();
  const origin = viewer.server.url;
  const study = JSON.parse(readFileSync(resolve(TRIALS, `${list}.json`), 'utf8')) as {
    studies: { StudyInstanceUID: string; series: { instances: { url: string }[] }[] }[];
  };
  study.studies[0]!.series[0]!.instances.forEach((instance, i) => {
    instance.url = `dicomweb:${origin}trial/${i}.dcm`;
  });
  await viewer.page.route('**/trial/*', route => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1)!;
    const body = name.endsWith('.json') ? JSON.stringify(study) : readFileSync(resolve(TRIALS, folder, name));
    return route.fulfill({
      body,
      contentType: name.endsWith('.json') ? 'application/json' : 'application/dicom',
    });
  });
  await viewer.page.route('**/app-config.js', async route => {
    const body = await (await route.fetch()).text();
    const source = {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomjson',
      sourceName: 'dicomjson',
      configuration: { friendlyName: 'dicom json', name: 'json' },
    };
    const engine = { providers: ['wasm'], threads: 1 };
    await route.fulfill({
      body: `${body}\nwindow.config.dataSources.push(${JSON.stringify(source)});
        window.config.customizationService = ${JSON.stringify({ 'iscl.denoise': engine })};`,
    });
  });
  await viewer.page.goto(
    `${origin}low-dose-ct/dicomjson?url=${encodeURIComponent(`${origin}trial/study.json`)}`,
  );
  await viewer.image('iscl-original');
  await viewer.hideBanner();
  return viewer;
}

describe('DICOM JSON', () => {
  let viewer: Viewer;
  afterEach(() => viewer.close());

  withData.each(['documented', 'generator'])(
    'an effective atomic number is refused by the file (%s)',
    async kind => {
      viewer = await opened(`zeff.${kind}`, 'zeff');
      // Until the files are read, the panel goes by the list.
      await viewer.cy('iscl-notice-not-hu').filter({ hasText: 'Z_EFF' }).waitFor();
    },
  );

  withData.each(['documented', 'generator'])(
    'padding comes out as it went in, with the header of the file (%s)',
    async kind => {
      viewer = await opened(`padding.${kind}`, 'padding');
      await viewer.cy('iscl-denoise').click();
      await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="done"]', { timeout: 120_000 });
      const coming = viewer.page.waitForEvent('download', { timeout: 60_000 });
      await viewer.cy('iscl-zip').click();
      const files = Object.values(unzipSync(await readFile(await (await coming).path())));
      expect(files).toHaveLength(2);
      for (const [i, bytes] of files.entries()) {
        const source = parsePart10(new Uint8Array(readFileSync(resolve(TRIALS, `padding/${i}.dcm`))));
        const derived = parsePart10(bytes);
        const header = naturalize(derived);
        expect(header['PixelPaddingValue']).toBe(-2000);
        expect(header['AccessionNumber']).toEqual(naturalize(source)['AccessionNumber']);
        const [from, to] = [(await decodeFrame(source)).stored, (await decodeFrame(derived)).stored];
        const changed = from.findIndex((word, at) => word === -2000 && to[at] !== -2000);
        expect(changed).toBe(-1);
      }
    },
  );
});
