/** The tarball of `npm pack`, installed in an empty folder: whoever takes the package from a registry or a share has only its files. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { absentHere } from '../absent';
import { command } from '../process';
import { imagesIn, removeTemporary, temporary } from './command';

const NO_BUILD = absentHere(existsSync('dist/manifest.json') ? null : 'dist/ is not built (npm run build)');
if (NO_BUILD) console.warn(`skipped in part: ${NO_BUILD}`);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Packed;
beforeAll(async () => {
  folder = await temporary();
  const output = await command('npm', ['pack', '--json', '--pack-destination', folder]);
  // npm 12 answers with an object by name, older ones with a list.
  [packed] = Object.values(JSON.parse(output) as Record<string, Packed>) as [Packed];
}, 120_000);
afterAll(removeTemporary);

const paths = () => packed.files.map(({ path }) => path);

it('brings what the command runs and no test', () => {
  for (const path of ['cli/iscl-denoise.mjs', 'cli/main.ts', 'src/engine/node.worker.ts', 'LICENSE'])
    expect(paths()).toContain(path);
  expect(paths().filter(path => /\.test\.|fixtures|\.(br|gz)$/.test(path))).toEqual([]);
});

(NO_BUILD ? it.skip : it)('brings the built plugin, every file of its manifest', async () => {
  const { files } = JSON.parse(await readFile('dist/manifest.json', 'utf8')) as { files: { file: string }[] };
  expect(files.length).toBeGreaterThan(5);
  for (const { file } of files) expect(paths()).toContain(`dist/${file}`);
});

it('installs in an empty folder, where iscl-denoise starts and denoises', async () => {
  const home = join(folder, 'empty');
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{}');
  const tarball = join(folder, packed.filename);
  // No install script is needed; onnxruntime-node's would download CUDA libraries (.npmrc).
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await command('npm', ['install', ...flags, tarball], { cwd: home });

  const launcher = join(home, 'node_modules/.bin/iscl-denoise');
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(await command(launcher, ['--version'], { cwd: home })).toContain(version);

  const [input, output] = [join(home, 'in'), join(home, 'out')];
  await mkdir(input);
  await copyFile(resolve('server/demo/quarter/0001.dcm'), join(input, '0001.dcm'));
  const report = await command(launcher, [input, output, '--json', '--threads', '1'], { cwd: home });
  expect(JSON.parse(report)).toMatchObject({ exitCode: 0, series: [{ outcome: 'done', written: 1 }] });
  expect(await imagesIn(output)).toHaveLength(1);
}, 300_000);
