/** @jest-environment jsdom */
import { act, type ReactNode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import type { JobSnapshot } from '../../src/denoise';
import type { GuardReport } from '../../src/guard';
import { describe as textOf, type Fault, type Refusal, type Warning } from '../../src/notices';
import { getCommandsModule } from '../getCommandsModule';
import type { ExtensionContext } from '../ohif';
import { SessionHolder } from '../session/holder';
import type { RunSnapshot, SaveSnapshot, SeriesSnapshot, SessionSnapshot } from '../session/snapshot';
import { DenoisePanel } from './DenoisePanel';
import { GuardSection } from './GuardSection';
import { ModelSection } from './ModelSection';
import { NoiseSection } from './NoiseSection';
import { ranges } from './parts';
import { RunSection } from './RunSection';
import { SaveSection } from './SaveSection';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const kept = (mean: number) => ({ mean, sd: 0.03 });
/** A scan in which the smallest lesion is too faint, at full strength. */
const REPORT: GuardReport = {
  strength: 1,
  looks: ['1.2.3', '1.2.4', '1.2.5'],
  inferences: 9,
  level: 'amber',
  lesions: [
    {
      lesion: { diameterMm: 5, contrastHu: 20 },
      places: 9,
      contrast: kept(0.86),
      lighter: kept(0.88),
      darker: kept(0.84),
      detectability: 0.95,
      level: 'amber',
    },
  ],
  keepingStrength: 0.62,
  noise: { regions: 60, beforeHu: 26.4, afterHu: 13.1, added: 0.2 },
  change: {} as GuardReport['change'],
  findings: [],
  sentence: '',
};

describe('the panel', () => {
  let root: Root;
  let host: HTMLElement;
  beforeEach(() => {
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
    Element.prototype.scrollIntoView = () => undefined;
  });
  afterEach(() => {
    act(() => root.unmount());
    host.remove();
  });
  const cy = (name: string) => [...host.querySelectorAll<HTMLElement>(`[data-cy="${name}"]`)];
  const render = (content: ReactNode) => act(() => root.render(content));
  const ignore = () => undefined;

  const chest = (changes: Partial<SeriesSnapshot>): SeriesSnapshot => ({
    viewportId: 'v',
    displaySetUid: 'd',
    description: 'Chest',
    modality: 'CT',
    slices: 2,
    matrix: { columns: 512, rows: 512 },
    verdict: { kind: 'accepted', warnings: [], unknown: [] },
    run: null,
    stored: [],
    hasFiles: true,
    ...changes,
  });
  const job = (changes: Partial<JobSnapshot>, failed = 0): JobSnapshot => ({
    state: 'done',
    verdict: null,
    engine: null,
    preparing: null,
    progress: { done: 2 - failed, failed, total: 2, msPerSlice: 1, secondsLeft: null },
    reasons: [],
    ...changes,
  });
  const denoised = (changes: Partial<JobSnapshot> = {}, failed = 0): RunSnapshot => ({
    job: job(changes, failed),
    waits: false,
    strength: 1,
    repair: null,
    removed: { slices: 0 } as RunSnapshot['removed'],
    flagged: [],
    guard: { state: { kind: 'measured' }, report: REPORT },
  });
  const nothingSaved: SaveSnapshot = {
    state: { kind: 'idle' },
    label: null,
    own: false,
    canStore: true,
    bare: null,
    resumed: false,
    unfinished: [],
  };
  const show = (verdict: SeriesSnapshot['verdict']) =>
    render(<RunSection series={chest({ verdict })} queue={[]} run={ignore} />);

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
    show({ kind: 'accepted', warnings, unknown: [] });
    expect(cy('iscl-warnings')[0]!.textContent!.match(/Compare with the original/g)).toHaveLength(1);
    expect(cy('iscl-notice-kvp-outside-domain')).toHaveLength(1);
  });

  test('says what the domain check found, and nothing of a series that is refused', () => {
    const model = { card: { name: 'CT fast', version: '1' }, fault: null } as SessionSnapshot['model'];
    const found = (verdict: SeriesSnapshot['verdict']) => {
      render(<ModelSection model={model} info={null} verdict={verdict} />);
      return cy('iscl-domain')[0]?.textContent;
    };
    const lossy: Warning = { kind: 'warning', code: 'lossy-source', method: '' };
    expect(found({ kind: 'accepted', warnings: [lossy], unknown: [] })).toMatch(/^within/);
    expect(found({ kind: 'accepted', warnings: [], unknown: ['body part', 'age'] })).toBe(
      'unknown: the files do not state body part, age; the rest is within',
    );
    const young: Warning = { kind: 'warning', code: 'age-outside-domain', ageYears: 3 };
    expect(found({ kind: 'accepted', warnings: [lossy, young], unknown: ['kV'] })).toMatch(
      /^outside: see the warning above; unknown: .*kV$/,
    );
    expect(found({ kind: 'refused', reasons: [{ kind: 'refusal', code: 'localizer' }] })).toBeUndefined();
  });

  test.each([
    [[5], '5'],
    [[9, 3, 7, 8], '3, 7–9'],
    [[1, 3, 5, 7], '1, 3, 5, …'],
  ])('names the slices %j as %s', (numbers, text) => expect(ranges(numbers, 3)).toBe(text));

  test('states no size that the files do not state', () => {
    render(
      <RunSection series={chest({ modality: 'SR', slices: 0, matrix: null })} queue={[]} run={ignore} />,
    );
    expect(cy('iscl-series')[0]!.textContent).not.toMatch(/undefined|NaN|×/);
  });

  test('what became of another series is not told as of this one', () => {
    const save: SaveSnapshot = {
      ...nothingSaved,
      state: { kind: 'zipped', files: 2, bytes: 1e6, name: 'Head.zip' },
      label: 'Head, 60 %',
    };
    render(<SaveSection save={save} denoised={denoised()} run={ignore} />);
    expect(cy('iscl-save')[0]!.textContent).not.toContain('Head');
    expect(cy('iscl-saving')[0]!.textContent).toContain('Head, 60 %');
    // A store that an earlier visit left, resumed with no series open.
    render(<SaveSection save={save} denoised={null} run={ignore} />);
    expect(cy('iscl-saving')[0]!.textContent).toContain('Head.zip');
  });

  test.each<[string, SaveSnapshot['state']]>([
    ['ZIP', { kind: 'failed', notice: { kind: 'fault', code: 'save-cancelled', what: 'zip' } }],
    [
      'folder',
      {
        kind: 'written',
        folder: 'Out',
        report: {
          outcome: 'cancelled',
          written: 1,
          alreadyThere: 0,
          failed: [],
          notice: { kind: 'fault', code: 'save-cancelled', what: 'folder' },
        },
      },
    ],
  ])('a cancelled save to a %s is told calmly, and as a cancelled save', (_, state) => {
    render(<SaveSection save={{ ...nothingSaved, own: true, state }} denoised={denoised()} run={ignore} />);
    const [box] = cy('iscl-notice-save-cancelled');
    expect(box!.className).toBe('iscl-box info');
    expect(box!.textContent).toMatch(/^Saving was cancelled/);
  });

  test('the button has the words of the notices, and no notice names a button that is not there', () => {
    const button = (run: RunSnapshot | null) => {
      render(<RunSection series={chest({ run })} queue={[]} run={ignore} />);
      return cy('iscl-denoise')[0]!.textContent!;
    };
    const lost: Fault = { kind: 'fault', code: 'device-lost', provider: 'webgpu' };
    expect(textOf(lost).todo).toContain(button(denoised({ state: 'failed', reasons: [lost] })));
    const cancelled = button(denoised({ state: 'cancelled' }));
    expect(textOf({ kind: 'fault', code: 'cancelled' }).todo).toContain(cancelled);
    expect(textOf({ kind: 'refusal', code: 'not-denoised' }).todo).toContain(`Press “${button(null)}” `);
    expect(button(denoised({}, 1))).toBe('Retry the failed slices');
  });

  describe('whole', () => {
    const holderOf = (snapshot: SessionSnapshot) => {
      const holder = new SessionHolder();
      const session = { snapshot, subscribe: () => () => undefined, dispose: async () => undefined };
      holder.replace(session as never);
      return holder;
    };
    const snapshot = (changes: Partial<SessionSnapshot>): SessionSnapshot => ({
      stage: 'compare',
      series: chest({ run: denoised() }),
      save: nothingSaved,
      queue: [],
      regions: [],
      model: { card: null, fault: null },
      ...changes,
    });
    const left = {
      ...nothingSaved,
      unfinished: [{ id: '1.2@s', label: 'Chest', expected: 2, startedAt: '2026-01-01T00:00:00Z' }],
    } as unknown as SaveSnapshot;
    const refused: Fault = { kind: 'fault', code: 'store-refused', status: 403 };
    const sending: SaveSnapshot['state'] = { kind: 'working', target: 'zip', done: 1, total: 2, store: null };
    const states: readonly SessionSnapshot[] = [
      snapshot({}),
      snapshot({ save: left }),
      snapshot({ save: { ...nothingSaved, own: true, state: { kind: 'failed', notice: refused } } }),
      snapshot({ save: { ...nothingSaved, own: true, state: sending } }),
      snapshot({ series: chest({ run: denoised({ state: 'running' }) }) }),
      snapshot({ series: chest({ run: denoised({ state: 'paused' }) }) }),
      snapshot({ series: chest({}) }),
    ];
    const commands = getCommandsModule(new SessionHolder(), {
      servicesManager: { services: {} },
    } as unknown as ExtensionContext).definitions;
    /** Closes a question within the panel; what opens and folds says so by aria-expanded. */
    const OWN = ['iscl-close-keep'];

    test('every button runs a command that there is, and does nothing else', () => {
      const ran = new Set<string>();
      for (const state of states) {
        const heard: string[] = [];
        render(<DenoisePanel holder={holderOf(state)} run={command => heard.push(command)} />);
        act(() => cy('iscl-close')[0]?.click());
        const buttons = [...host.querySelectorAll('button')].filter(
          one => !one.disabled && !one.hasAttribute('aria-expanded'),
        );
        for (const button of buttons) {
          if (OWN.includes(button.dataset['cy']!)) continue;
          heard.length = 0;
          act(() => button.click());
          expect([button.dataset['cy'], heard.length]).toEqual([button.dataset['cy'], 1]);
          expect(Object.keys(commands)).toContain(heard[0]);
          ran.add(heard[0]!);
        }
        act(() => cy('iscl-close-keep')[0]?.click());
      }
      const unheard = Object.keys(commands).filter(name => !ran.has(name));
      expect(unheard).toEqual([]);
    });

    test('known lesions: contrast, spread and d prime, and one click sets the strength that keeps them', () => {
      const heard: unknown[] = [];
      render(<GuardSection guard={denoised().guard} run={(...command) => heard.push(command)} />);
      const [row] = [...cy('iscl-guard-lesions')[0]!.querySelectorAll('tbody tr')];
      expect(row!.textContent).toBe('5 mm, 20 HU86 % ± 3, Look closer0.95');
      act(() => cy('iscl-guard-set')[0]!.click());
      expect(heard).toEqual([['setDenoiseStrength', { strength: 0.62 }]]);
      const none = { ...REPORT, level: null, lesions: [] };
      render(<GuardSection guard={{ state: { kind: 'measured' }, report: none }} run={ignore} />);
      expect(cy('iscl-guard-none')[0]!.textContent).toContain('no lesion was measured');
      expect(cy('iscl-guard-set')).toEqual([]);
    });

    test('noise before and after in HU, and the strength by the noise that is wanted', () => {
      const heard: unknown[] = [];
      render(<NoiseSection report={REPORT} run={(...command) => heard.push(command)} />);
      expect(cy('iscl-noise-value')[0]!.textContent).toBe('26 → 13 HU');
      const wanted = cy('iscl-noise-wanted')[0] as HTMLInputElement;
      expect((cy('iscl-noise-set')[0] as HTMLButtonElement).disabled).toBe(true);
      act(() => {
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(wanted, '12');
        wanted.dispatchEvent(new Event('input', { bubbles: true }));
      });
      act(() => cy('iscl-noise-set')[0]!.click());
      act(() => cy('iscl-detectability-set')[0]!.click());
      expect(heard).toEqual([
        ['setDenoiseStrengthFor', { noiseHu: 12 }],
        ['setDenoiseStrengthFor', { detectability: 0.95 }],
      ]);
    });

    test('a section folds under its heading, and is folded still when the panel comes again', () => {
      const show = () => render(<DenoisePanel holder={holderOf(snapshot({}))} run={ignore} />);
      const fold = () => act(() => cy('iscl-save-fold')[0]!.click());
      const expanded = () => [cy('iscl-save-fold')[0]!.getAttribute('aria-expanded'), cy('iscl-zip').length];
      show();
      expect(expanded()).toEqual(['true', 1]);
      fold();
      render(null);
      show();
      expect(expanded()).toEqual(['false', 0]);
      fold();
      expect(expanded()).toEqual(['true', 1]);
      // The model is read without scrolling.
      const order = [...host.querySelectorAll('section')].map(one => one.dataset['cy']);
      expect(order.slice(0, 3)).toEqual(['iscl-series', 'iscl-model', 'iscl-view']);
    });

    test('what an earlier visit left: what Resume sends, Discard deletes, and what is nowhere', () => {
      const store = {
        id: '1.2@s',
        label: 'Chest',
        expected: 34,
        startedAt: '2026-01-01T00:00:00Z',
        target: 's',
      };
      const unfinished = [{ ...store, studyInstanceUid: '1.2', kept: 10, inArchive: 20 }];
      const kept = () => cy('iscl-unfinished-kept')[0]!.textContent;
      render(<SaveSection save={{ ...nothingSaved, unfinished }} denoised={null} run={ignore} />);
      expect(kept()).toBe(
        '10 slices kept in this browser: Resume sends them, Discard deletes them. 20 slices in the archive: they stay there. ' +
          '4 slices neither here nor known to be in the archive: denoise and store again.',
      );
      // The denoised slices themselves went with the page.
      const state: SaveSnapshot['state'] = { kind: 'failed', notice: refused };
      const save = { ...nothingSaved, unfinished, state, label: 'Chest', resumed: true };
      render(<SaveSection save={save} denoised={null} run={ignore} />);
      const [box] = cy('iscl-notice-store-refused');
      expect(box!.textContent).toContain('What waits to be sent is kept in this browser');
      expect(box!.textContent).not.toContain('denoised slices are kept');
    });

    test('ten presses of an arrow key are ten steps, also between two snapshots', () => {
      const heard: unknown[] = [];
      render(
        <DenoisePanel
          holder={holderOf(snapshot({}))}
          run={(_, options) => heard.push(options?.['strength'])}
        />,
      );
      const slider = cy('iscl-strength-slider')[0] as HTMLInputElement;
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
      for (let press = 0; press < 10; press++) {
        act(() => {
          // As the browser does: one step from where the slider stands.
          set.call(slider, String(Number(slider.value) - 1));
          slider.dispatchEvent(new Event('input', { bubbles: true }));
        });
      }
      expect(heard.at(-1)).toBe(0.9);
    });

    test('a snapshot of a key before takes no step back', () => {
      const at = (strength: number) => snapshot({ series: chest({ run: { ...denoised(), strength } }) });
      let shown = at(1);
      let listener = () => undefined as void;
      const holder = new SessionHolder();
      holder.replace({
        get snapshot() {
          return shown;
        },
        subscribe: (hear: () => void) => ((listener = hear), () => undefined),
        dispose: async () => undefined,
      } as never);
      render(<DenoisePanel holder={holder} run={ignore} />);
      const slider = cy('iscl-strength-slider')[0] as HTMLInputElement;
      const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
      for (const strength of [0.99, 0.98, 0.97]) {
        act(() => {
          set.call(slider, String(Number(slider.value) - 1));
          slider.dispatchEvent(new Event('input', { bubbles: true }));
        });
        // It speaks of the key before this one.
        act(() => ((shown = at(strength + 0.01)), listener()));
      }
      expect(slider.value).toBe('97');
      act(() => ((shown = at(0.97)), listener()));
      // Set by a command, once the keys are through.
      act(() => ((shown = at(0.4)), listener()));
      expect(slider.value).toBe('40');
    });

    test("keys that work a button stay away from OHIF's hotkeys; the others reach them", () => {
      render(<DenoisePanel holder={new SessionHolder()} run={ignore} />);
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
});
