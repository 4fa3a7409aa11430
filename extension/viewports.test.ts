import type * as core from '@cornerstonejs/core';
import type { Services } from './ohif';
import { released } from './viewports';

/* A layout that comes late, or never: moments that the viewer cannot be made to show at will. */

function stage() {
  let shown = ['iscl:1', 'iscl:2'];
  let heard: (() => void)[] = [];
  const eventTarget = new EventTarget();
  const cornerstone = {
    Enums: { ViewportType: { STACK: 'stack' }, Events: { ELEMENT_DISABLED: 'disabled' } },
    eventTarget,
    cache: { getVolumes: () => [] },
    getRenderingEngines: () => [{ getViewports: () => [{ type: 'stack', getImageIds: () => shown }] }],
  } as unknown as typeof core;
  const cornerstoneViewportService = {
    EVENTS: { VIEWPORT_DATA_CHANGED: 'data' },
    subscribe: (_: string, listener: () => void) => {
      heard.push(listener);
      return { unsubscribe: () => (heard = heard.filter(one => one !== listener)) };
    },
  } as unknown as Services['cornerstoneViewportService'];
  return {
    released: () => released(cornerstone, { cornerstoneViewportService }, new Set(['iscl:2'])),
    show: (imageIds: string[]) => (shown = imageIds),
    dataChanged: () => [...heard].forEach(listener => listener()),
    disabled: () => eventTarget.dispatchEvent(new Event('disabled')),
    listeners: () => heard.length,
  };
}

describe('released', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('waits for no event when no viewport shows the images', async () => {
    const { released, show, listeners } = stage();
    show(['wadors:1']);
    await released();
    expect(listeners()).toBe(0);
  });

  test.each(['dataChanged', 'disabled'] as const)(
    '%s: looks again, and waits on while one shows them',
    async event => {
      const stood = stage();
      const ended = jest.fn();
      void stood.released().then(ended);
      stood[event]();
      await jest.advanceTimersByTimeAsync(1);
      expect(ended).not.toHaveBeenCalled();
      stood.show(['wadors:1']);
      stood[event]();
      await jest.advanceTimersByTimeAsync(1);
      expect(ended).toHaveBeenCalled();
      expect(stood.listeners()).toBe(0);
    },
  );

  test('says that the viewer does not let go, after a while', async () => {
    const { released, listeners } = stage();
    const ended = expect(released()).rejects.toMatchObject({ notice: { code: 'still-shown', seconds: 10 } });
    await jest.advanceTimersByTimeAsync(10_000);
    await ended;
    expect(listeners()).toBe(0);
  });
});
