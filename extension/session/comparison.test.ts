/** @jest-environment jsdom */
import type * as core from '@cornerstonejs/core';
import type { DerivedRegistry } from '../derived/registry';
import type { DisplaySet, Services } from '../ohif';
import { Comparison, type ComparisonEvent } from './comparison';
import type { Pair } from './pair';

/* What the user may put into which viewport, in every combination; and which studies the hanging protocol knows. */

const displaySet = (uid: string, study = 'now') =>
  ({ displaySetInstanceUID: uid, StudyInstanceUID: study }) as DisplaySet;

const runOn = (name: string, study?: string) => {
  const displaySets = { source: name, denoised: `${name}-denoised`, difference: `${name}-difference` };
  const owns = (uid: string) => Object.values(displaySets).includes(uid);
  return { source: { displaySet: displaySet(name, study) }, displaySets, owns } as unknown as Pair;
};

function stage() {
  const [a, b] = [runOn('A'), runOn('B')];
  const [now, prior] = [{ StudyInstanceUID: 'now' }, { StudyInstanceUID: 'prior' }];
  const viewports = new Map<string, { displaySetInstanceUIDs: string[] }>();
  const ran: { studies: unknown[]; activeStudy: unknown; displaySets: DisplaySet[]; stageId: string }[] = [];
  const attributes = new Map<string, (subject: unknown) => unknown>();
  const nothing = { subscribe: () => ({ unsubscribe: () => undefined }), EVENTS: {} };
  const all = ['A', 'B', 'C', 'A-denoised', 'A-difference'].map(uid => displaySet(uid));
  const services = {
    hangingProtocolService: {
      studies: [now],
      getActiveProtocol: () => ({ activeStudy: now }),
      addCustomAttribute: (id: string, _: string, callback: (subject: unknown) => unknown) =>
        attributes.set(id, callback),
      run: (subject: (typeof ran)[0], _: string, { stageId }: { stageId: string }) =>
        ran.push({ ...subject, stageId }),
    },
    displaySetService: { getActiveDisplaySets: () => all },
    viewportGridService: { ...nothing, getState: () => ({ viewports }) },
    cornerstoneViewportService: nothing,
  } as unknown as Services;
  const heard: ComparisonEvent[] = [];
  const comparison = new Comparison({
    services,
    cornerstone: {
      Enums: { Events: {}, ViewportType: {} },
      getRenderingEngines: () => [],
      eventTarget: new EventTarget(),
    } as unknown as typeof core,
    registry: {} as DerivedRegistry,
    pairOf: uid => [a, b].find(pair => pair.owns(uid)) ?? null,
    storedSourceUid: () => null,
    emit: event => heard.push(event),
  });
  const grid = (original: string, denoised?: string) => {
    viewports.set('iscl-original', { displaySetInstanceUIDs: [original] });
    if (denoised) viewports.set('iscl-denoised', { displaySetInstanceUIDs: [denoised] });
    comparison.onGrid();
  };
  const roles = (uids: readonly string[]) => uids.map(uid => attributes.get('isclRole')!(displaySet(uid)));
  return { comparison, a, b, now, prior, ran, heard, grid, roles };
}

describe('the pair', () => {
  test.each([
    ['another series without results, on the left', ['C', 'A-denoised'], 'C'],
    ['another original with results, on the left', ['B', 'A-denoised'], 'B'],
    ["another series' result, on the left", ['B-denoised', 'A-denoised'], 'B-denoised'],
    ["another series' result, on the right", ['A', 'B-denoised'], 'B-denoised'],
    ['its own result twice', ['A-denoised', 'A-denoised'], null],
    ['its own original twice', ['A', 'A'], null],
    ['two originals', ['A', 'C'], null],
    ['two originals, both with results', ['A', 'B'], null],
    ['two other series', ['C', 'D'], null],
  ])('%s', (_, [left, right], follows) => {
    const { comparison, a, heard, grid } = stage();
    comparison.show(a, 'compare');
    // The layout is still under way: the viewport shows the series of before.
    grid('C', 'A-denoised');
    expect(heard).toEqual([]);
    grid('A', 'A-denoised');
    grid(left!, right);
    expect(heard).toEqual(follows === null ? [] : [{ kind: 'chosen', displaySetUid: follows }]);
  });

  test('a series alone gives way to the next one with results, in the stage of before', () => {
    const { comparison, a, heard, grid, roles } = stage();
    comparison.show(a, 'review');
    comparison.showAlone(displaySet('C'));
    expect([comparison.stage, comparison.preferred]).toEqual(['single', 'review']);
    expect(roles(['A', 'A-denoised', 'C'])).toEqual([undefined, undefined, 'original']);
    grid('C');
    expect(heard).toEqual([]);
    grid('A');
    expect(heard).toEqual([{ kind: 'chosen', displaySetUid: 'A' }]);
  });

  test('one viewport shows whatever the user wants', () => {
    const { comparison, a, heard, grid } = stage();
    comparison.show(a, 'single');
    grid('A');
    grid('B');
    expect(heard).toEqual([]);
  });
});

describe('the studies of the hanging protocol', () => {
  test('a prior that was loaded later is among them, and active', () => {
    const { comparison, now, prior, ran, roles } = stage();
    comparison.show(runOn('P', 'prior'), 'compare');
    expect(ran).toMatchObject([{ studies: [now, prior], activeStudy: prior, stageId: 'compare' }]);
    expect(roles(['A', 'P', 'P-denoised', 'P-difference'])).toEqual([
      undefined,
      'original',
      'denoised',
      'difference',
    ]);
  });

  test('a run that is dismissed leaves its original on screen, and its results out', () => {
    const { comparison, a, now, ran, roles } = stage();
    comparison.show(a, 'compare');
    comparison.dismiss(a);
    expect(ran[1]).toMatchObject({ studies: [now], activeStudy: now, stageId: 'single' });
    expect(ran[1]!.displaySets.map(one => one.displaySetInstanceUID)).toEqual(['A', 'B', 'C']);
    expect(roles(['A', 'A-denoised'])).toEqual(['original', undefined]);
  });
});
