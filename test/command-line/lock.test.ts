/** @jest-environment ./test/node-environment.cjs */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { removeTemporary, temporary } from './command';

/* Several runs at the same series in the same moment: an event that fires twice. */

let contenders: ChildProcess[];
beforeAll(async () => {
  const script = resolve('test/command-line/lock-contender.mts');
  contenders = [1, 2, 3].map(() => fork(script, { execArgv: ['--import', 'tsx'] }));
  await Promise.all(contenders.map(contender => once(contender, 'message')));
}, 60_000);
afterAll(async () => {
  for (const contender of contenders) contender.kill();
  await removeTemporary();
});

async function contend(path: string): Promise<string[]> {
  const at = Date.now() + 10;
  const answers = contenders.map(contender => once(contender, 'message') as Promise<[string]>);
  for (const contender of contenders) contender.send({ path, at });
  return (await Promise.all(answers)).map(([answer]) => answer).sort();
}

it.each<[string, string | null]>([
  ['there is no lock', null],
  ['the lock of one that was killed is there', JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() })],
  ['half a lock is there', '{"pid"'],
])(
  'one gets it and the others are told, however often: %s',
  async (_, before) => {
    const folder = await temporary();
    for (let round = 0; round < 60; round++) {
      const path = join(folder, `${round}.lock`);
      if (before !== null) await writeFile(path, before);
      expect([round, await contend(path)]).toEqual([round, ['SeriesBusy', 'SeriesBusy', 'held']]);
    }
    expect((await readdir(folder)).filter(name => !name.endsWith('.lock'))).toEqual([]);
  },
  60_000,
);
