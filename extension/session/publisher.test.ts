/** @jest-environment jsdom */
import { Publisher } from './publisher';

const frame = () => new Promise(resolve => requestAnimationFrame(resolve));

test('many changes make one snapshot, which stays the same object until the next', async () => {
  let state = 0;
  const publisher = new Publisher(() => ({ state }));
  const heard: { readonly state: number }[] = [];
  publisher.subscribe(snapshot => heard.push(snapshot));
  const before = publisher.current;
  for (let i = 0; i < 5; i++) {
    state++;
    publisher.publish();
  }
  expect(publisher.current).toBe(before);
  await frame();
  expect(heard).toEqual([{ state: 5 }]);
  expect(publisher.current).toBe(heard[0]);
  expect(before).toEqual({ state: 0 });

  publisher.publish();
  publisher.dispose();
  publisher.publish();
  await frame();
  expect(heard).toHaveLength(1);
});
