/** @jest-environment jsdom */
import { act, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { ctInstance } from '../src/ct/fixtures';
import { getCustomizationModule } from './getCustomizationModule';
import type { OhifInstance } from './ohif';
import type { SessionHolder } from './session/holder';
import { renewStrengthLabels } from './derived/strength-label';

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

describe('the strength on a viewport', () => {
  const strengths = new Map([['1.2.3.4', 1]]);
  const holder = { current: { strengthOf: (uid: string) => strengths.get(uid) ?? null } };
  interface Line {
    condition(props: object): boolean;
    contentF(props: object): ReactNode;
  }
  const customizations = getCustomizationModule(holder as unknown as SessionHolder)[1]!.value as unknown as {
    'viewportOverlay.topRight': { $push: Line[] };
  };
  const [, line] = customizations['viewportOverlay.topRight'].$push;
  const instance = (changes: object) => ({ referenceInstance: ctInstance({ ...changes }) as OhifInstance });
  const live = instance({ SeriesInstanceUID: '1.2.3.4' });

  test('follows the slider, whoever rendered last', () => {
    const host = document.body.appendChild(document.createElement('div'));
    const root = createRoot(host);
    const render = () => act(() => root.render(line!.contentF(live)));
    const move = (strength: number) => {
      strengths.set('1.2.3.4', strength);
      renewStrengthLabels('1.2.3.4', strength);
    };
    render();
    expect(host.textContent).toBe('Strength 100 %');
    move(0.6);
    expect(host.textContent).toBe('Strength 60 %');
    renewStrengthLabels('1.2.3.5', 0.1);
    expect(host.textContent).toBe('Strength 60 %');
    render();
    expect(host.textContent).toBe('Strength 60 %');
    move(0.3);
    move(1);
    render();
    expect(host.textContent).toBe('Strength 100 %');
    act(() => root.unmount());
  });

  test('is read from the description of a stored series, and not said of an original', () => {
    const stored = instance({ SeriesInstanceUID: '1.9', SeriesDescription: 'Chest ISCL DENOISED 45 %' });
    expect(line!.condition(stored)).toBe(true);
    expect(line!.contentF(stored)).toMatchObject({ props: { children: 'Strength 45 %' } });
    expect(line!.condition(instance({ SeriesInstanceUID: '1.9', SeriesDescription: 'Chest 45 %' }))).toBe(
      false,
    );
  });
});
