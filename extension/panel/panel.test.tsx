/** @jest-environment jsdom */
import { act } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import type { Refusal, Warning } from '../../src/notices';
import type { Saver } from '../session/saver';
import type { SessionHolder } from '../session/holder';
import type { ActiveSeries, Session } from '../session/session';
import { DenoisePanel } from './DenoisePanel';
import { ModelSection } from './ModelSection';
import { ranges } from './parts';
import { RunSection } from './RunSection';
import { SaveSection } from './SaveSection';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

describe('the panel', () => {
  let root: Root;
  let host: HTMLElement;
  beforeEach(() => {
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
  });
  afterEach(() => {
    act(() => root.unmount());
    host.remove();
  });
  const cy = (name: string) => [...host.querySelectorAll<HTMLElement>(`[data-cy="${name}"]`)];
  const active = (verdict: ActiveSeries['verdict']): ActiveSeries => ({
    displaySet: { SeriesDescription: 'Chest', Modality: 'CT' } as ActiveSeries['displaySet'],
    verdict,
    open: null,
  });
  const show = (verdict: ActiveSeries['verdict']) =>
    act(() =>
      root.render(
        <RunSection session={{} as Session} active={active(verdict)} onDenoise={() => undefined} />,
      ),
    );

  test('tells each of two reasons of one kind, calmly: nothing has gone wrong', () => {
    const reasons: Refusal[] = ['PixelSpacing', 'Rows'].map(keyword => ({
      kind: 'refusal',
      code: 'missing-attribute',
      keyword,
    }));
    const error = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    show({ kind: 'refused', reasons });
    expect(cy('iscl-notice-missing-attribute').map(box => [box.getAttribute('role'), box.className])).toEqual(
      [
        ['status', 'iscl-box info'],
        ['status', 'iscl-box info'],
      ],
    );
    expect(error).not.toHaveBeenCalled();
    error.mockRestore();
  });

  test('gives the advice of several warnings once', () => {
    const warnings: Warning[] = [
      { kind: 'warning', code: 'kernel-outside-domain', kernel: 'B70f' },
      { kind: 'warning', code: 'kvp-outside-domain', kvp: 70 },
    ];
    show({ kind: 'accepted', warnings });
    expect(cy('iscl-warnings')[0]!.textContent!.match(/Compare with the original/g)).toHaveLength(1);
    expect(cy('iscl-notice-kvp-outside-domain')).toHaveLength(1);
  });

  test('says what the domain check found, and nothing of a series that is refused', () => {
    const session = {
      model: { card: { name: 'CT fast', version: '1' }, cardFault: null },
    } as unknown as Session;
    const found = (verdict: ActiveSeries['verdict']) => {
      act(() => root.render(<ModelSection session={session} info={null} verdict={verdict} />));
      return cy('iscl-domain')[0]?.textContent;
    };
    const lossy: Warning = { kind: 'warning', code: 'lossy-source', method: '' };
    expect(found({ kind: 'accepted', warnings: [lossy] })).toMatch(/^within/);
    const young: Warning = { kind: 'warning', code: 'age-outside-domain', ageYears: 3 };
    expect(found({ kind: 'accepted', warnings: [lossy, young] })).toMatch(/^outside/);
    expect(found({ kind: 'refused', reasons: [{ kind: 'refusal', code: 'localizer' }] })).toBeUndefined();
  });

  test.each([
    [[5], '5'],
    [[9, 3, 7, 8], '3, 7–9'],
    [[1, 3, 5, 7], '1, 3, 5, …'],
  ])('names the slices %j as %s', (numbers, text) => expect(ranges(numbers, 3)).toBe(text));

  test('what became of another series is not told as of this one', () => {
    const run = { strength: 1, failed: new Map(), snapshot: { state: 'done' } };
    const saver = {
      state: { kind: 'zipped', files: 2, bytes: 1e6, name: 'Head.zip' },
      subject: { run: {}, label: 'Head, 60 %' },
      busy: false,
      server: null,
      unfinished: [],
    } as unknown as Saver;
    Element.prototype.scrollIntoView = () => undefined;
    act(() => root.render(<SaveSection saver={saver} run={run as never} onSave={() => undefined} />));
    expect(cy('iscl-save')[0]!.textContent).not.toContain('Head');
    expect(cy('iscl-saving')[0]!.textContent).toContain('Head, 60 %');
    // A store that an earlier visit left, resumed with no series open.
    act(() => root.render(<SaveSection saver={saver} run={null} onSave={() => undefined} />));
    expect(cy('iscl-saving')[0]!.textContent).toContain('Head.zip');
  });

  test("keys that work a button stay away from OHIF's hotkeys; the others reach them", () => {
    const holder = { subscribe: () => () => undefined, current: null } as unknown as SessionHolder;
    act(() => root.render(<DenoisePanel holder={holder} run={() => undefined} />));
    const heard: string[] = [];
    const hear = (event: KeyboardEvent) => heard.push(event.key);
    document.addEventListener('keydown', hear);
    for (const key of [' ', 'Enter', 'ArrowDown', 'o']) {
      cy('iscl-panel')[0]!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    }
    document.removeEventListener('keydown', hear);
    expect(heard).toEqual(['o']);
  });
});
