/** @jest-environment jsdom */
import { guardLeaving, unsavedWork } from './leaving';
import type { Run } from './run';
import type { Saver } from './saver';

const run = (state: string, done: number, saved = false) =>
  ({ description: state, saved, snapshot: { state, progress: { done, total: 8 } } }) as unknown as Run;
const idle = { busy: false, subject: null } as unknown as Saver;

test('what would be lost: what is under way, and what is denoised and nowhere saved', () => {
  const runs = [
    run('running', 0),
    run('paused', 3),
    run('done', 8),
    run('cancelled', 2),
    run('cancelled', 0),
    run('failed', 0),
    run('done', 8, true),
    run('idle', 0),
  ];
  expect(unsavedWork(runs, idle)).toEqual([
    '“running” is not finished: 0 of 8 slices are denoised.',
    '“paused” is not finished: 3 of 8 slices are denoised.',
    '“done” is denoised and not saved.',
    '“cancelled” is denoised and not saved.',
  ]);
  const saved = run('done', 8);
  const saver = { busy: true, subject: { run: saved, label: 'Chest, 60 %' } } as unknown as Saver;
  expect(unsavedWork([saved], saver)).toEqual(['“Chest, 60 %” is being saved.']);
});

describe('leaving', () => {
  const asked = jest.fn();
  let lost: string[];
  let guard: { stop(): void };
  let left: number;
  const leave = () => left++;
  beforeEach(() => {
    lost = ['“Chest” is denoised and not saved.'];
    left = 0;
    asked.mockReset();
    window.confirm = asked;
    document.body.innerHTML = '<div data-cy="return-to-work-list"><svg></svg></div>';
    document.body.addEventListener('click', leave);
    guard = guardLeaving(() => lost);
  });
  afterEach(() => {
    guard.stop();
    document.body.removeEventListener('click', leave);
  });
  const click = () =>
    document.querySelector('svg')!.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  const closing = () => {
    const event = new Event('beforeunload', { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };

  test('asks when something would be lost, and stays when the answer is no', () => {
    asked.mockReturnValueOnce(false).mockReturnValueOnce(true);
    click();
    expect([left, asked.mock.calls.length]).toEqual([0, 1]);
    expect(asked.mock.calls[0]![0]).toContain('“Chest” is denoised and not saved.');
    click();
    expect(left).toBe(1);
    expect(closing()).toBe(true);
  });
  test('asks at the browser’s back button, and comes back without telling the router', async () => {
    guard.stop();
    window.history.replaceState({ idx: 0 }, '', '/');
    window.history.pushState({ idx: 1 }, '', '/low-dose-ct');
    guard = guardLeaving(() => lost);
    const router = jest.fn();
    window.addEventListener('popstate', router);
    const back = async () => {
      window.history.back();
      await new Promise(resolve => setTimeout(resolve, 100));
    };
    asked.mockReturnValueOnce(false).mockReturnValueOnce(true);
    await back();
    expect([window.location.pathname, router.mock.calls.length, asked.mock.calls.length]).toEqual([
      '/low-dose-ct',
      0,
      1,
    ]);
    await back();
    expect([window.location.pathname, router.mock.calls.length]).toEqual(['/', 1]);
    window.removeEventListener('popstate', router);
  });
  test('does not ask when nothing would be lost, nor after the mode', () => {
    lost = [];
    click();
    expect([left, closing()]).toEqual([1, false]);
    lost = ['something'];
    guard.stop();
    click();
    expect([left, closing(), asked.mock.calls.length]).toEqual([2, false, 0]);
  });
});
