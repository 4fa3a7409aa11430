import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { memoryJournal, storeInstances } from '../../src/store';
import { ctSeries, MODELS, removeTemporary, STUDY, temporary } from '../command-line/command';
import { NO_ORTHANC, startOrthanc } from './orthanc';

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);
afterAll(removeTemporary);

(NO_ORTHANC ? it.skip : it)(
  "docs/batch's Lua script: a stable series is denoised once, and the result not again",
  async () => {
    const folder = await temporary();
    const command = [
      process.execPath,
      resolve('cli/iscl-denoise.mjs'),
      '--threads',
      '1',
      '--model',
      join(MODELS, 'manifest.json'),
    ];
    const log = join(folder, 'log');
    const orthanc = await startOrthanc(
      { LuaScripts: [resolve('docs/batch/orthanc-stable-series.lua')], StableAge: 1 },
      {},
      dicomWeb => ({
        ISCL_DENOISE: [...command, '--state', folder].join(' '),
        ISCL_DICOMWEB: dicomWeb,
        // The tests' tiny model blurs.
        ISCL_GUARDS: 'warn',
        ISCL_LOG: log,
        ISCL_LOCK: join(folder, 'lock'),
      }),
    );
    try {
      const roots = { qido: orthanc.dicomWeb, wado: orthanc.dicomWeb, stow: orthanc.dicomWeb };
      await storeInstances(ctSeries(4), {
        server: { roots },
        journal: memoryJournal(),
        studyInstanceUid: STUDY,
        expected: 4,
      });
      const counts = async () => {
        const { CountSeries, CountInstances } = await orthanc.get<Record<string, number>>('/statistics');
        return [CountSeries, CountInstances];
      };
      const until = Date.now() + 45_000;
      while ((await counts())[1]! < 8 && Date.now() < until) await new Promise(wait => setTimeout(wait, 500));
      // Long enough for the derived series to become stable as well.
      await new Promise(wait => setTimeout(wait, 4000));
      expect(await counts()).toEqual([2, 8]);
      expect(await readFile(log, 'utf8')).toMatch(/done, 4 slices, 4 written/);
    } finally {
      await orthanc.close();
    }
  },
);
