/** @jest-environment ./test/node-environment.cjs */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openDigests } from '../../cli/digests';
import { folderTarget } from '../../cli/folder';
import { lockSeries, SeriesBusy, SeriesLost } from '../../cli/lock';
import type { DerivedInstance } from '../../src/dicom';
import { deadHolder, removeTemporary, temporary } from './command';

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

it.each<[string, () => Promise<string | null>, number]>([
  ['there is no lock', async () => null, 60],
  ['the lock of one that was killed is there', deadHolder, 60],
  ['half a lock is there', async () => '{"token"', 4],
])(
  'one gets it and the others are told, however often: %s',
  async (_, make, rounds) => {
    const [folder, before] = [await temporary(), await make()];
    for (let round = 0; round < rounds; round++) {
      const path = join(folder, `${round}.lock`);
      if (before !== null) await writeFile(path, before);
      expect([round, await contend(path)]).toEqual([round, ['SeriesBusy', 'SeriesBusy', 'held']]);
    }
    expect((await readdir(folder)).filter(name => !name.endsWith('.lock'))).toEqual([]);
  },
  60_000,
);

/** Of a container that cannot be seen from here, though it has our host name and our process number. */
const ELSEWHERE = JSON.stringify({
  token: 'theirs',
  process: { boot: 'another', namespace: 'pid:[1]', pid: process.pid, started: '1' },
});
const TIMES = { beatMs: 50, staleMs: 600, halfMs: 300 };

describe('a holder that cannot be seen from here', () => {
  // What its clock says, or ours: nothing is read from it.
  it.each([0, Date.now() / 1000, 4e9])('is alive while it touches its lock, at %d s', async start => {
    const path = join(await temporary(), 'lock');
    await writeFile(path, ELSEWHERE);
    await utimes(path, start, start);
    let at = start;
    const beat = setInterval(() => void utimes(path, ++at, at), 200);
    await expect(lockSeries(path, TIMES)).rejects.toThrow(SeriesBusy);
    clearInterval(beat);
    expect(await readFile(path, 'utf8')).toBe(ELSEWHERE);
  });
  it.each([0, 4e9])('is dead when it touches it no more, at %d s', async at => {
    const path = join(await temporary(), 'lock');
    await writeFile(path, ELSEWHERE);
    await utimes(path, at, at);
    const lock = await lockSeries(path, TIMES);
    await lock.assertHeld();
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });
  it('is told that it lost the series when it goes on', async () => {
    const path = join(await temporary(), 'lock');
    const stopped = await lockSeries(path, { ...TIMES, beatMs: 1e6 });
    // As another container sees it.
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), process: null }));
    await stopped.assertHeld();
    const next = await lockSeries(path, TIMES);
    await expect(stopped.assertHeld()).rejects.toThrow(SeriesLost);
    await stopped.release();
    await next.assertHeld();
    await next.release();
  });
});

it('a stopped process on this machine keeps its lock, whatever the clock says', async () => {
  const path = join(await temporary(), 'lock');
  const script = resolve('test/command-line/lock-contender.mts');
  const holder = fork(script, { execArgv: ['--import', 'tsx'] });
  await once(holder, 'message');
  const answer = once(holder, 'message');
  holder.send({ path, at: 0 });
  expect((await answer)[0]).toBe('held');
  holder.kill('SIGSTOP');
  await utimes(path, 0, 0);
  await expect(lockSeries(path, TIMES)).rejects.toThrow(SeriesBusy);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await (await lockSeries(path, TIMES)).release();
}, 60_000);

const derived = (n: number): DerivedInstance =>
  ({
    sopInstanceUid: `1.2.${n}`,
    seriesInstanceUid: '1.2',
    studyInstanceUid: '1',
    part10: Uint8Array.of(n),
  }) as DerivedInstance;

it('who lost the series writes no file more', async () => {
  const root = await temporary();
  const target = await folderTarget(root, false).open({
    studyInstanceUid: '1',
    seriesInstanceUid: '1.2',
    expected: 2,
  });
  async function* instances() {
    yield derived(1);
    await writeFile(join(root, '1.2.lock'), ELSEWHERE);
    yield derived(2);
  }
  const outcome = await target.store(instances(), 2, new AbortController().signal);
  expect(outcome).toMatchObject({ written: 1, notice: { code: 'save-folder' } });
  await target.close();
  expect(await readdir(join(root, '1.2'))).toEqual(['1.2.1.dcm']);
  expect(await readFile(join(root, '1.2.lock'), 'utf8')).toBe(ELSEWHERE);
  expect((await readFile(join(root, '1.2.sha256'), 'utf8')).split('\n')).toHaveLength(2);
});

it('a list of digests that two write to holds no line twice, and loses none', async () => {
  const path = join(await temporary(), 'a', '1.2.sha256');
  await mkdir(join(path, '..'));
  const held = async () => undefined;
  await writeFile(path, `${'0'.repeat(64)}  old\n${'0'.repeat(64)}  old\n`);
  const [one, other] = [await openDigests(path, held), await openDigests(path, held)];
  for (let n = 0; n < 6; n++) {
    await one.add(`f${n}`, Uint8Array.of(n));
    await other.add(`f${n}`, Uint8Array.of(n));
    if (n % 2) await other.add(`g${n}`, Uint8Array.of(n));
  }
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(10);
  expect(new Set(lines.map(line => line.slice(66))).size).toBe(10);
});
