/** @jest-environment ./test/node-environment.cjs */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFaultServer } from '../faults/server';
import { ctInstance, ctSeries, folderOf, imagesIn, MODELS, removeTemporary, run, temporary } from './command';

/* Notices are written for people in front of the viewer. On a command line there is no button to press and no page to reload. */

afterAll(removeTemporary);

const OF_A_VIEWER = /\bpress\b|reload|browser|check page|viewport|private window|choose|log in/i;

function expectPlain({ stdout, stderr }: { stdout: string; stderr: string }, happened: RegExp): void {
  expect(stdout).toMatch(happened);
  expect(stdout + stderr).not.toMatch(OF_A_VIEWER);
}

interface Manifest {
  models: { file: string; sha256: string; bytes: number; golden?: { output: string } }[];
}

describe('a model that cannot run', () => {
  it.each<[string, RegExp, (folder: string, manifest: Manifest) => void | Promise<void>]>([
    ['is not there', /could not be loaded from .*box\.onnx.*ENOENT/, folder => rm(join(folder, 'box.onnx'))],
    [
      'is another file',
      /differs from the file that its manifest names/,
      folder => writeFile(join(folder, 'box.onnx'), 'x'),
    ],
    [
      'is no model',
      /cannot be used \(it is no ONNX file/,
      async (folder, { models: [model] }) => {
        const bytes = Buffer.from('no graph');
        await writeFile(join(folder, model!.file), bytes);
        model!.bytes = bytes.length;
        model!.sha256 = createHash('sha256').update(bytes).digest('hex');
      },
    ],
    ['has no card', /manifest\.json cannot be used/, (_, { models: [model] }) => void delete model!.golden],
    [
      'computes something else',
      /computes wrong results/,
      async (folder, { models: [model] }) => {
        const file = join(folder, model!.golden!.output);
        await writeFile(file, Buffer.alloc((await readFile(file)).length));
      },
    ],
  ])('%s', async (_, happened, edit) => {
    const [models, output] = [await temporary(), await temporary()];
    await cp(MODELS, models, { recursive: true });
    const manifest = JSON.parse(await readFile(join(models, 'manifest.json'), 'utf8')) as Manifest;
    await edit(models, manifest);
    await writeFile(join(models, 'manifest.json'), JSON.stringify(manifest));
    const ran = await run([await folderOf(ctSeries(1)), output, '--model', models]);
    expect(ran.code).toBe(6);
    expectPlain(ran, happened);
    expect(await imagesIn(output)).toEqual([]);
  });
});

it.each([
  [
    'refuses one instance',
    0xc000,
    /INCOMPLETE, run again[^]*failed: .*C000[^]*1 images were stored, 1 were not/,
  ],
  ['is out of space', 0xa700, /INCOMPLETE, run again[^]*The archive refused the images|out of space/],
])('an archive that %s', async (_, reason, happened) => {
  const server = await startFaultServer();
  const state = await temporary();
  let refused: string | undefined;
  server.always = uids => {
    refused ??= uids[0];
    return { kind: 'partly', status: 202, fail: uid => (uid === refused ? reason : null), body: 'json' };
  };
  const ran = await run([await folderOf(ctSeries(2)), '--to', server.url, '--state', state]);
  await server.close();
  expect(ran.code).toBe(4);
  expectPlain(ran, happened);
});

it('a folder that takes no more, a series that is refused, a file that cannot be read', async () => {
  const [input, output] = [await folderOf(ctSeries(2)), await temporary()];
  await run([input, output]);
  const [first] = await imagesIn(output);
  await rm(join(output, first!));
  await mkdir(join(output, first!, 'in-the-way'), { recursive: true });
  const localizer = { ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] };
  await folderOf([ctInstance(1, { series: '2.25.7', attributes: localizer })], input);
  await writeFile(join(input, 'broken.dcm'), ctInstance(9).part10.subarray(0, 700));
  const ran = await run([input, output]);
  expect(ran.code).toBe(4);
  expectPlain(ran, /could not be written[^]*refused: .*localizer[^]*unreadable: broken\.dcm/);
});
