/** @jest-environment jsdom */
import type { Run } from './run';
import { Saver, type SaverEvent } from './saver';

/* What happens to a save while something else happens: moments that the viewer cannot be made to show at will. */

const saved: { strength: number; signal: AbortSignal }[] = [];
let finish: () => void;
let report: unknown;
let journal: () => Promise<unknown>;
let fail: (error: unknown) => void;

jest.mock('./save-tools', () => ({
  derivedInstances: (_run: unknown, options: (typeof saved)[0]) => (saved.push(options), []),
  zipBlob: (_instances: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      finish = () => resolve(new Blob(['zip']));
      fail = reject;
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    }),
  indexedDbJournal: () => journal(),
  derivedSeriesUid: () => '1.2.3',
  earlierMoment: async () => null,
  storeInstances: async () => report,
  describeReason: (reason: string) => reason,
}));

const run = (description: string) =>
  ({
    strength: 1,
    description,
    guard: { allow: async () => undefined },
    source: { slices: [1, 2] },
  }) as unknown as Run & { strength: number };

const settled = () => new Promise(resolve => setTimeout(resolve, 20));

describe('Saver', () => {
  let saver: Saver;
  const heard: SaverEvent[] = [];
  beforeEach(() => {
    saved.length = 0;
    journal = async () => ({ sessions: async () => [] });
    URL.createObjectURL = () => 'blob:';
    HTMLAnchorElement.prototype.click = () => undefined;
    heard.length = 0;
    saver = new Saver(
      () => null,
      event => heard.push(event),
    );
  });

  test('saves the strength at which it was asked to, however the slider moves meanwhile', async () => {
    const chest = run('Chest');
    chest.strength = 0.6;
    const saving = saver.save(chest, 'zip');
    chest.strength = 0.2;
    await settled();
    finish();
    await saving;
    expect(saved.map(({ strength }) => strength)).toEqual([0.6]);
    expect(saver).toMatchObject({ state: { kind: 'zipped' }, subject: { run: chest, label: 'Chest, 60 %' } });
  });

  test('pressed twice, saves once, and tells of the first series only', async () => {
    const [chest, head] = [run('Chest'), run('Head')];
    const saving = saver.save(chest, 'zip');
    await saver.save(head, 'zip');
    await settled();
    expect(saved).toHaveLength(1);
    expect(saver.subject?.run).toBe(chest);
    finish();
    await saving;
  });

  test('a series that is closed is saved no further, and nothing is told of it afterwards', async () => {
    const chest = run('Chest');
    void saver.save(chest, 'zip');
    await settled();
    await saver.abandon(run('Head'));
    expect(saver.busy).toBe(true);
    await saver.abandon(chest);
    expect(saved[0]!.signal.aborted).toBe(true);
    expect(saver).toMatchObject({ state: { kind: 'idle' }, subject: null });
  });

  test('cancelling is told as such; a mistake of ours is not told as a full disk', async () => {
    const first = saver.save(run('Chest'), 'zip');
    await settled();
    saver.cancel();
    await first;
    expect(saver.state).toEqual({
      kind: 'failed',
      notice: { kind: 'fault', code: 'save-cancelled', what: 'zip' },
    });
    const second = saver.save(run('Chest'), 'zip');
    await settled();
    fail(new TypeError('x is not a function'));
    await second;
    expect(saver.state).toMatchObject({
      notice: { code: 'internal', detail: 'TypeError: x is not a function' },
    });
  });

  test('tells of a store that has arrived, not of what failed', async () => {
    report = {
      studyInstanceUid: '1.2',
      instances: [
        { outcome: 'stored', seriesInstanceUid: '1.2.3' },
        { outcome: 'already-there', seriesInstanceUid: '1.2.3' },
        { outcome: 'failed', seriesInstanceUid: '1.2.4', reason: 'full' },
      ],
    };
    saver = new Saver(
      () => ({ roots: { wado: 'w', qido: 'q', stow: 's' } }),
      event => heard.push(event),
    );
    await saver.save(run('Chest'), 'store');
    expect(saver.state).toMatchObject({ kind: 'stored', reasons: ['full'] });
    expect(heard).toContainEqual({ kind: 'stored', studyInstanceUid: '1.2', seriesInstanceUids: ['1.2.3'] });
  });

  test('an unfinished store that cannot be forgotten says so to who asked', async () => {
    journal = () => Promise.reject(new Error('no database here'));
    await expect(saver.discard('1.2@s')).rejects.toThrow('no database here');
  });

  test('says why it cannot: no archive, no way into a folder, no journal', async () => {
    await expect(saver.save(run('Chest'), 'store')).rejects.toMatchObject({ notice: { code: 'no-archive' } });
    await expect(saver.save(run('Chest'), 'folder')).rejects.toMatchObject({
      notice: { code: 'no-folder-access' },
    });
    journal = () => Promise.reject(new Error('no database here'));
    await saver.findUnfinished();
    expect(saver.unfinished).toEqual([]);
  });
});
