/** The Dockerfile, built and run. */
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { decodeFrame, parsePart10 } from '../../src/dicom';
import type { Report } from '../../cli/report';
import { ctInstance, filesIn, imagesIn, removeTemporary, temporary } from '../command-line/command';
import { NO_ENGINE, removeEngine, startEngine, type Engine } from './engine';
import { command } from '../process';

if (NO_ENGINE) console.warn(`skipped: ${NO_ENGINE}`);

/** In nobody's passwd. */
const USER = 12345;

(NO_ENGINE ? describe.skip : describe)('the image', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  }, 900_000);
  afterAll(async () => {
    await removeEngine();
    await removeTemporary();
  }, 120_000);

  /** MERCURE_IN_DIR with a task.json. */
  async function input(settings: object): Promise<string> {
    const folder = await temporary();
    await chmod(folder, 0o755);
    const task = { id: '1', process: { module_name: 'iscl', settings } };
    await writeFile(join(folder, 'task.json'), JSON.stringify(task));
    return folder;
  }

  async function output(): Promise<string> {
    const folder = await temporary();
    await chown(folder, USER, USER);
    return folder;
  }

  async function reportIn(folder: string): Promise<Report> {
    const result = JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as {
      iscl_denoise: Report;
    };
    return result.iscl_denoise;
  }

  it('holds the command, the models and the packages they need on Linux, and nothing else', async () => {
    const root = join(engine.root, 'opt/iscl-denoise');
    const entries = (await readdir(root)).filter(name => name !== 'node_modules').sort();
    const expected = [
      '.npmrc',
      'LICENSE',
      'cli',
      'models',
      'package-lock.json',
      'package.json',
      'server',
      'src',
    ];
    expect(entries).toEqual(expected);
    expect(await filesIn(join(root, 'server'))).toEqual(['package.json']);
    const ours = (await Promise.all(['cli', 'src'].map(name => filesIn(join(root, name))))).flat();
    expect(ours).toContain('iscl-denoise.mjs');
    expect(ours.filter(file => /test|fixture/.test(file))).toEqual([]);

    const packages = join(root, 'node_modules');
    expect(await readdir(packages)).toContain('onnxruntime-node');
    const { packages: locked } = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const development = Object.keys(locked).filter(path => locked[path]!.dev);
    expect(development.length).toBeGreaterThan(100);
    expect(development.filter(path => existsSync(join(root, path)))).toEqual([]);
    const libraries = (await filesIn(join(packages, 'onnxruntime-node'))).filter(file =>
      file.includes('libonnxruntime'),
    );
    expect(libraries.length).toBeGreaterThan(0);
    expect(libraries.filter(file => !file.includes('/linux/'))).toEqual([]);

    // What npm and the check at the end of the build left would be dead weight in each copy.
    for (const folder of ['tmp', 'root/.npm'])
      expect(await filesIn(join(engine.root, folder)).catch(() => [])).toEqual([]);
    const [megabytes] = (await command('du', ['-sm', root])).split('\t');
    expect(Number(megabytes)).toBeLessThan(200);
  });

  it('as a mercure module under a foreign user id, with no capability, no network and a root that cannot be written: the same series as from the checkout', async () => {
    const from = await input({ strength: 60, threads: 1 });
    for (const name of ['0001.dcm', '0002.dcm'])
      await copyFile(resolve('server/demo/quarter', name), join(from, `series#${name}`));
    const to = await output();
    const { code, stderr } = await engine.mercure(from, to, USER);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await reportIn(to)).toMatchObject({
      exitCode: 0,
      strength: 0.6,
      series: [{ outcome: 'done', slices: 2, written: 2, failed: [] }],
    });

    const here = await temporary();
    const env = { ...process.env, MERCURE_IN_DIR: from, MERCURE_OUT_DIR: here };
    await command(process.execPath, [resolve('cli/iscl-denoise.mjs')], { env });
    const images = (await imagesIn(to)).filter(name => name.endsWith('.dcm'));
    expect(images).toHaveLength(2);
    // The names are the UIDs.
    expect(await filesIn(to)).toEqual(await filesIn(here));
    for (const name of images) {
      const [there, own] = await Promise.all(
        [to, here].map(async folder => decodeFrame(parsePart10(await readFile(join(folder, name))))),
      );
      expect(there!.stored).toEqual(own!.stored);
    }
  }, 300_000);

  it('with nothing but a localizer: exit code 3, and why in result.json', async () => {
    const from = await input({});
    const localizer = ctInstance(1, { attributes: { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } });
    await writeFile(join(from, 'localizer.dcm'), localizer.part10);
    const to = await output();
    const { code, stderr } = await engine.mercure(from, to, USER);
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(await filesIn(to)).toEqual(['result.json']);
    expect(await reportIn(to)).toMatchObject({
      exitCode: 3,
      series: [{ outcome: 'refused', verdict: { reasons: [{ code: 'localizer' }] } }],
    });
  }, 300_000);
});
