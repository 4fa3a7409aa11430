import { createElement, type ReactElement } from 'react';
import { PRODUCT } from '../../src/ct';
import { WARNING_COLOUR } from '../id';
import type { OhifInstance } from '../ohif';

const words = (strength: number): string => `Strength ${Math.round(strength * 100)} %`;

/** Strength of a series of ours that was read back: its description ends in it ("Chest ISCL DENOISED 60 %"); null when it does not. */
export function storedStrength(instance: OhifInstance | undefined): number | null {
  const description = String(instance?.['SeriesDescription'] ?? '');
  const percent = new RegExp(`${PRODUCT.seriesTag} (\\d+) %`).exec(description)?.[1];
  return percent === undefined ? null : Number(percent) / 100;
}

/** The overlay line that says how strongly what a viewport shows is denoised. Rendered by the host's React: plain elements only. */
export function strengthLabel(seriesInstanceUid: string, strength: number): ReactElement {
  return createElement(
    'div',
    {
      'data-cy': 'iscl-overlay-strength',
      'data-iscl-strength': seriesInstanceUid,
      style: { color: WARNING_COLOUR, fontSize: 12 },
    },
    words(strength),
  );
}

/** The slider was moved: OHIF renders overlay lines again only for changes it knows of. */
export function renewStrengthLabels(seriesInstanceUid: string, strength: number): void {
  for (const label of document.querySelectorAll<HTMLElement>('[data-iscl-strength]')) {
    if (label.dataset['isclStrength'] === seriesInstanceUid) label.textContent = words(strength);
  }
}
