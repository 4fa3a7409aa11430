/** @jest-environment jsdom */
import type { Services } from '../ohif';
import { Announcer } from './announcer';

const frame = () => new Promise(resolve => requestAnimationFrame(resolve));

test('many changes are told once, and the toolbar only hears of what concerns it', async () => {
  let key = 'a';
  const refreshed: unknown[] = [];
  const services = {
    toolbarService: { refreshToolbarState: (props: unknown) => refreshed.push(props) },
    viewportGridService: { getActiveViewportId: () => 'v' },
  } as unknown as Services;
  const announcer = new Announcer(services, () => key);
  let told = 0;
  announcer.subscribe(() => told++);
  for (let i = 0; i < 5; i++) announcer.announce();
  await frame();
  expect([told, announcer.version, refreshed]).toEqual([1, 1, [{ viewportId: 'v' }]]);
  announcer.announce();
  await frame();
  expect([told, refreshed.length]).toEqual([2, 1]);
  key = 'b';
  announcer.announce();
  await frame();
  expect(refreshed).toHaveLength(2);

  announcer.announce();
  announcer.dispose();
  announcer.announce();
  await frame();
  expect([told, refreshed.length]).toEqual([3, 2]);
});
