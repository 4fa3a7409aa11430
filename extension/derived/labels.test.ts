/** @jest-environment jsdom */
import type * as core from '@cornerstonejs/core';
import { ctInstance } from '../../src/ct/fixtures';
import type { OhifInstance } from '../ohif';
import { Labels, type LabelFacts } from './labels';

/* Cornerstone as far as the labels know it: an image that comes late, never, or goes before its viewport. */

function stage() {
  const eventTarget = new EventTarget();
  const source = ctInstance({ SeriesNumber: 3, SeriesDescription: 'Chest' }) as OhifInstance;
  const stored = ctInstance({ SeriesDescription: 'Chest ISCL DENOISED 45 %' }) as OhifInstance;
  const facts: LabelFacts = { kind: 'denoised', strength: 1, source };
  const live = { facts, undone: 0 };
  const viewport = {
    id: 'v',
    type: 'stack',
    element: document.createElement('div'),
    drawn: null as string | null,
    imageIds: [] as string[],
    getCornerstoneImage: () => (viewport.drawn === null ? undefined : { imageId: viewport.drawn }),
    getImageIds: () => viewport.imageIds,
    volumeIds: [] as string[],
    getAllVolumeIds: () => viewport.volumeIds,
  };
  const enabled = [] as (typeof viewport)[];
  const cornerstone = {
    Enums: {
      ViewportType: { STACK: 'stack', ORTHOGRAPHIC: 'volume' },
      Events: { ELEMENT_ENABLED: 'on', ELEMENT_DISABLED: 'off', STACK_NEW_IMAGE: 'image' },
    },
    eventTarget,
    cache: { getVolume: () => ({ imageIds: ['iscl:1'] }) },
    metaData: { get: (_: string, imageId: string) => (imageId === 'wadors:stored' ? stored : source) },
    getRenderingEngines: () => [{ getViewports: () => enabled }],
  } as unknown as typeof core;
  const grid = { hung: undefined as OhifInstance | undefined, original: null as OhifInstance | null };
  const labels = new Labels({
    cornerstone,
    registry: {
      factsOf: imageId => (imageId.startsWith('iscl:') ? live.facts : null),
      undone: () => live.undone,
    },
    hungIn: () => grid.hung,
    originalOf: () => grid.original,
  });
  const fire = (name: string) =>
    eventTarget.dispatchEvent(
      new CustomEvent(name, { detail: { element: viewport.element, viewportId: viewport.id } }),
    );
  return {
    labels,
    live,
    viewport,
    grid,
    derived: { ...source, imageId: 'iscl:1' } as OhifInstance,
    enable: async () => {
      fire('on');
      enabled.push(viewport);
      await Promise.resolve();
    },
    disable: () => fire('off'),
    image: (imageId: string | null) => {
      viewport.drawn = imageId;
      viewport.element.dispatchEvent(new CustomEvent('image', { detail: { viewportId: 'v' } }));
    },
    text: () =>
      [...viewport.element.querySelectorAll<HTMLElement>('[data-cy^="iscl-overlay"]')]
        .filter(line => !line.hidden)
        .map(line => line.textContent),
  };
}

const WHOLE = ['ISCL DENOISED, not for diagnostic use', 'Strength 100 %', 'of series 3: Chest'];

describe('the label of a viewport', () => {
  test('is there from the moment a derived series hangs, before any image', async () => {
    const { grid, derived, enable, text } = stage();
    grid.hung = derived;
    await enable();
    expect(text()).toEqual(WHOLE);
  });

  test('stays until the last derived pixel is gone, though another series hangs already', async () => {
    const { grid, derived, viewport, enable, image, labels, text } = stage();
    grid.hung = derived;
    await enable();
    viewport.imageIds = ['iscl:1'];
    image('iscl:1');
    grid.hung = undefined;
    viewport.imageIds = ['wadors:1'];
    labels.refresh();
    expect(text()).toEqual(WHOLE);
    image('wadors:1');
    expect(text()).toEqual([]);
  });

  test('is there where OHIF hangs nothing: the capture dialogue, and planes of a volume', async () => {
    const captured = stage();
    captured.viewport.imageIds = ['iscl:1'];
    await captured.enable();
    expect(captured.text()).toEqual(WHOLE);
    const plane = stage();
    plane.viewport.type = 'volume';
    plane.viewport.volumeIds = ['volume'];
    await plane.enable();
    expect(plane.text()).toEqual(WHOLE);
  });

  test('tells of slices that a volume shows as air, until they are there', async () => {
    const { viewport, live, enable, labels, text } = stage();
    viewport.type = 'volume';
    viewport.volumeIds = ['volume'];
    live.undone = 1;
    await enable();
    expect(text()).toContain('1 of 1 slices are not denoised: empty here');
    live.undone = 0;
    labels.refresh();
    expect(text()).toEqual(WHOLE);
  });

  test('says the strength of now, and what a difference is', async () => {
    const { grid, derived, enable, labels, live, text } = stage();
    grid.hung = derived;
    await enable();
    live.facts = { ...live.facts, kind: 'difference', strength: 0.6 };
    labels.refresh();
    expect(text()).toEqual([
      'ISCL DIFFERENCE, not for diagnostic use',
      'Strength 60 %',
      'Original − denoised, HU',
      'of series 3: Chest',
    ]);
  });

  test('reads the strength of a stored series from its description, and is not on an original', async () => {
    const { enable, image, text } = stage();
    await enable();
    image('wadors:1');
    expect(text()).toEqual([]);
    image('wadors:stored');
    expect(text()).toEqual(['ISCL DENOISED, not for diagnostic use', 'Strength 45 %']);
  });

  test('goes with its viewport', async () => {
    const { grid, derived, enable, disable, text, labels, image } = stage();
    grid.hung = derived;
    await enable();
    disable();
    expect(text()).toEqual([]);
    labels.dispose();
    image('iscl:1');
    expect(text()).toEqual([]);
  });
});
