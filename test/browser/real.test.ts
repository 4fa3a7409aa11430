import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { naturalize, parsePart10 } from '../../src/dicom';
import { Viewer } from './viewer';

const SERIES = resolve(__dirname, '../../../shared/data/ct/ACRIN-001_PETCT_abdomen_lowdose');
const SLICES = 5;

/** A real low-dose CT (GE, JPEG-LS, 512 x 512), from opening to reopening what was stored. */
describe('real CT', () => {
  it('is denoised, compared, stored and read again with the HU that were on screen', async () => {
    if (!existsSync(SERIES)) {
      console.log(`skipped: ${SERIES} is not here`);
      return;
    }
    const files = readdirSync(SERIES).sort().slice(0, SLICES);
    const parts = files.map(file => readFileSync(join(SERIES, file)));
    const study = naturalize(parsePart10(parts[0]!)).StudyInstanceUID;
    const viewer = await Viewer.open({ files: parts });
    try {
      await viewer.openStudy(study);
      await viewer.denoise();
      await viewer.scrollTo('iscl-original', 2);
      await viewer.image('iscl-original', 2);
      await viewer.image('iscl-denoised', 2);
      const shown = await viewer.pixels('iscl-denoised');
      expect(shown).not.toEqual(await viewer.pixels('iscl-original'));
      await viewer.cy('iscl-stage-review').click();
      await viewer.image('iscl-difference', 2);
      await viewer.page.waitForTimeout(1500);
      await viewer.shot('real-review');
      await viewer.cy('iscl-stage-compare').click();
      await viewer.image('iscl-denoised', 2);
      await viewer.cy('iscl-store').click();
      await viewer.cy('iscl-saved').waitFor({ timeout: 60_000 });
      await viewer.page.waitForTimeout(1000);
      await viewer.shot('real-compare');

      await viewer.page.reload();
      await viewer.image('iscl-original');
      const stored = await viewer.page.evaluate(
        () =>
          window.services.displaySetService
            .getActiveDisplaySets()
            .find(one => one.SeriesDescription.includes('ISCL DENOISED'))!.displaySetInstanceUID,
      );
      await viewer.page.evaluate(
        id =>
          window.commandsManager.runCommand('setDisplaySetsForViewports', {
            viewportsToUpdate: [{ viewportId: 'iscl-original', displaySetInstanceUIDs: [id] }],
          }),
        stored,
      );
      await viewer.cy('iscl-overlay-label').waitFor();
      await viewer.scrollTo('iscl-original', 2);
      await viewer.image('iscl-original', 2);
      expect(await viewer.pixels('iscl-original')).toEqual(shown);
      expect(viewer.takeProblems()).toEqual([]);
    } finally {
      await viewer.close();
    }
  });
});
