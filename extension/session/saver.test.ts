/** @jest-environment jsdom */
import type { DataSource } from '../ohif';
import type { Run } from './run';
import { Saver } from './saver';

/* What happens to a save while something else happens: moments that the viewer cannot be made to show at will. */

const saved: { strength: number; signal: AbortSignal }[] = [];
let finish: () => void;
let fail: (error: unknown) => void;

jest.mock('./save-tools', () => ({
  derivedInstances: (_run: unknown, options: (typeof saved)[0]) => (saved.push(options), []),
  zipBlob: (_instances: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      finish = () => resolve(new Blob(['zip']));
      fail = reject;
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    }),
  indexedDbJournal: () => Promise.reject(new Error('no database here')),
}));

const run = (SeriesDescription: string) =>
  ({
    strength: 1,
    source: { displaySet: { SeriesDescription }, slices: [1, 2] },
  }) as unknown as Run & { strength: number };

const settled = () => new Promise(resolve => setTimeout(resolve, 20));

describe('Saver', () => {
  let saver: Saver;
  beforeEach(() => {
    saved.length = 0;
    URL.createObjectURL = () => 'blob:';
    HTMLAnchorElement.prototype.click = () => undefined;
    saver = new Saver({
      dataSource: { getConfig: () => ({}) } as unknown as DataSource,
      authorizationHeader: () => ({}),
      stored: async () => undefined,
      changed: () => undefined,
    });
  });

  test('saves the strength at which it was asked to, however the slider moves meanwhile', async () => {
    const chest = run('Chest');
    chest.strength = 0.6;
    const saving = saver.zip(chest);
    chest.strength = 0.2;
    await settled();
    finish();
    await saving;
    expect(saved.map(({ strength }) => strength)).toEqual([0.6]);
    expect(saver).toMatchObject({ state: { kind: 'zipped' }, subject: { run: chest, label: 'Chest, 60 %' } });
  });

  test('pressed twice, saves once, and tells of the first series only', async () => {
    const [chest, head] = [run('Chest'), run('Head')];
    const saving = saver.zip(chest);
    await saver.zip(head);
    await settled();
    expect(saved).toHaveLength(1);
    expect(saver.subject?.run).toBe(chest);
    finish();
    await saving;
  });

  test('a series that is closed is saved no further, and nothing is told of it afterwards', async () => {
    const chest = run('Chest');
    void saver.zip(chest);
    await settled();
    await saver.abandon(run('Head'));
    expect(saver.busy).toBe(true);
    await saver.abandon(chest);
    expect(saved[0]!.signal.aborted).toBe(true);
    expect(saver).toMatchObject({ state: { kind: 'idle' }, subject: null });
  });

  test('cancelling is told as such; a mistake of ours is not told as a full disk', async () => {
    const first = saver.zip(run('Chest'));
    await settled();
    saver.cancel();
    await first;
    expect(saver.state).toEqual({
      kind: 'failed',
      notice: { kind: 'fault', code: 'save-cancelled', what: 'zip' },
    });
    const second = saver.zip(run('Chest'));
    await settled();
    fail(new TypeError('x is not a function'));
    await second;
    expect(saver.state).toMatchObject({
      notice: { code: 'internal', detail: 'TypeError: x is not a function' },
    });
  });

  test('says why it cannot: no archive, no way into a folder, no journal', async () => {
    await expect(saver.store(run('Chest'))).rejects.toMatchObject({ notice: { code: 'no-archive' } });
    await expect(saver.folder(run('Chest'))).rejects.toMatchObject({ notice: { code: 'no-folder-access' } });
    await saver.findUnfinished();
    expect(saver.unfinished).toEqual([]);
  });
});
