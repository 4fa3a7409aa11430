/** @jest-environment ./test/node-environment.cjs */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { start } from '../process';
import {
  ctSeries,
  filesIn,
  imagesIn,
  MODELS,
  removeTemporary,
  run,
  SERIES,
  temporary,
  type Ran,
} from './command';

/* mercure's contract: folders by the environment, task.json in, flat files and result.json out, failure by the exit code. */

afterAll(removeTemporary);

async function task(settings: unknown): Promise<{ MERCURE_IN_DIR: string; MERCURE_OUT_DIR: string }> {
  const folder = await temporary();
  for (const { sopInstanceUid, part10 } of ctSeries(3)) {
    await writeFile(join(folder, `${SERIES}#${sopInstanceUid}.dcm`), part10);
    await writeFile(join(folder, `${SERIES}#${sopInstanceUid}.tags`), '{}');
  }
  await writeFile(
    join(folder, 'task.json'),
    JSON.stringify({ id: '1', process: { module_name: 'iscl', settings } }),
  );
  return { MERCURE_IN_DIR: folder, MERCURE_OUT_DIR: await temporary() };
}

it('reads the task, writes flat files by its naming and result.json', async () => {
  const env = await task({ strength: 40, threads: 1 });
  expect((await run([], env)).code).toBe(0);
  const files = await filesIn(env.MERCURE_OUT_DIR);
  const result = JSON.parse(await readFile(join(env.MERCURE_OUT_DIR, 'result.json'), 'utf8'));
  expect(result.iscl_denoise).toMatchObject({
    exitCode: 0,
    strength: 0.4,
    series: [{ outcome: 'done', written: 3 }],
  });
  const uid = result.iscl_denoise.series[0].derivedSeriesInstanceUid as string;
  expect(files.filter(name => name.startsWith(`${uid}#`) && name.endsWith('.dcm'))).toHaveLength(3);
  expect(files).toHaveLength(4);
});

it.each<[unknown, string]>([
  [{ strength: 400 }, '"400" is not 0.1 to 100'],
  [{ strength: [40] }, 'task.json: settings.strength is neither a text nor a number'],
  [{ strenght: 40 }, 'task.json: settings.strenght is no setting'],
  [{ provider: 'cuda' }, '"cuda" is neither cpu nor webgpu'],
  ['fast', 'task.json: settings is no object'],
  [[40], 'task.json: settings.0 is no setting'],
])('refuses the settings %j', async (settings, why) => {
  const env = await task(settings);
  const { code, stderr } = await run([], env);
  expect(code).toBe(2);
  expect(stderr).toContain(why);
  expect(await filesIn(env.MERCURE_OUT_DIR)).toEqual([]);
});

it('takes the settings of the first step of a list, and of no step the defaults', async () => {
  for (const process of [
    [{ settings: { threads: 1 } }, { settings: { strength: 1 } }],
    [],
    null,
    undefined,
  ]) {
    const env = await task({});
    await writeFile(join(env.MERCURE_IN_DIR, 'task.json'), JSON.stringify({ id: '1', process }));
    expect((await run([], env)).code).toBe(0);
    const result = JSON.parse(await readFile(join(env.MERCURE_OUT_DIR, 'result.json'), 'utf8'));
    expect(result.iscl_denoise.strength).toBe(1);
  }
});

it('a result.json that cannot be written is a failure, told in a sentence', async () => {
  const env = await task({});
  await mkdir(join(env.MERCURE_OUT_DIR, 'result.json', 'in-the-way'), { recursive: true });
  const { code, stderr } = await run([], env);
  expect(code).toBe(7);
  expect(stderr).toContain('result.json cannot be written');
  expect(await imagesIn(env.MERCURE_OUT_DIR)).toHaveLength(3);
});

it('exits non-zero when nothing could be denoised, and says why in result.json', async () => {
  const env = await task({});
  const out = await temporary();
  await run([], { ...env, MERCURE_OUT_DIR: out });
  const again = { MERCURE_IN_DIR: out, MERCURE_OUT_DIR: await temporary() };
  expect((await run([], again)).code).toBe(3);
  const result = JSON.parse(await readFile(join(again.MERCURE_OUT_DIR, 'result.json'), 'utf8'));
  expect(result.iscl_denoise).toMatchObject({ exitCode: 3, series: [{ outcome: 'refused' }] });
});

describe('a MERCURE_OUT_DIR that cannot be written', () => {
  /** Told as a target that cannot be written; no slice was computed, and the missing result.json is told too. */
  function expectRefused({ code, stdout, stderr }: Ran): void {
    expect(code).toBe(7);
    expect(stdout).toContain('cannot be written');
    expect(stderr).toContain('result.json cannot be written');
    expect(stderr).not.toMatch(/of 3 slices/);
  }

  it('a file in its place: exit code 7 before anything is computed', async () => {
    const env = await task({});
    await rm(env.MERCURE_OUT_DIR, { recursive: true });
    await writeFile(env.MERCURE_OUT_DIR, 'in the way');
    expectRefused(await run([], env));
    expect(await readFile(env.MERCURE_OUT_DIR, 'utf8')).toBe('in the way');
  });

  it('somebody else’s folder, as a container without root and capabilities meets it', async () => {
    const env = await task({ model: join(MODELS, 'manifest.json'), threads: 1 });
    await chmod(env.MERCURE_IN_DIR, 0o755);
    await chmod(env.MERCURE_OUT_DIR, 0o555);
    // Permissions do not bind root.
    const asNobody = process.getuid!() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups', '--'] : [];
    const [command, ...argv] = [...asNobody, process.execPath, resolve('cli/iscl-denoise.mjs')];
    const ran = await start(command!, argv, { env: { PATH: process.env['PATH'], ...env } });
    expectRefused({ ...ran, code: ran.code! });
    expect(await filesIn(env.MERCURE_OUT_DIR)).toEqual([]);
  }, 60_000);
});
