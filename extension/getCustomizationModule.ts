import { createElement } from 'react';
import { isIsclDerived } from '../src/ct';
import { DIFFERENCE_LABEL, LABEL, WARNING_COLOUR } from './id';
import { storedStrength, strengthLabel } from './derived/strength-label';
import type { OhifInstance } from './ohif';
import type { SessionHolder } from './session/holder';

interface OverlayProps {
  readonly referenceInstance?: OhifInstance;
}

function isDifference(instance: OhifInstance | undefined): boolean {
  return String(instance?.['SeriesDescription'] ?? '').startsWith(DIFFERENCE_LABEL);
}

/** The warning on every viewport that shows pixels of ours; first line, in a colour of its own. */
const overlayLabel = {
  id: 'IsclDenoised',
  condition: ({ referenceInstance }: OverlayProps) =>
    referenceInstance !== undefined && isIsclDerived(referenceInstance),
  // Rendered by the host's React: plain elements only. OHIF cuts overlay lines at 40 % of the viewport; this one wraps instead.
  contentF: ({ referenceInstance }: OverlayProps) =>
    createElement(
      'div',
      {
        'data-cy': 'iscl-overlay-label',
        title: 'Made by ISCL CT Denoise. For research; not for diagnostic use.',
        style: {
          color: WARNING_COLOUR,
          whiteSpace: 'normal',
          fontWeight: 600,
          fontSize: 12,
          lineHeight: 1.3,
        },
      },
      isDifference(referenceInstance) ? DIFFERENCE_LABEL : LABEL,
    ),
};

/** Under it: how strongly, live or as stored. */
function strengthLine(holder: SessionHolder) {
  const strengthOf = (instance: OhifInstance | undefined) =>
    (instance && holder.current?.strengthOf(instance.SeriesInstanceUID)) ?? storedStrength(instance);
  return {
    id: 'IsclStrength',
    condition: ({ referenceInstance }: OverlayProps) => strengthOf(referenceInstance) !== null,
    contentF: ({ referenceInstance }: OverlayProps) => {
      const strength = strengthOf(referenceInstance);
      if (!referenceInstance || strength === null) return null;
      return strengthLabel(referenceInstance.SeriesInstanceUID, strength);
    },
  };
}

/** What the greys of a difference mean; its window stands below, as on every image. */
const differenceLine = {
  id: 'IsclDifference',
  condition: ({ referenceInstance }: OverlayProps) => isDifference(referenceInstance),
  contentF: () =>
    createElement(
      'div',
      {
        'data-cy': 'iscl-overlay-difference',
        title: 'Grey: unchanged. Brighter: HU were taken away. Darker: HU were added.',
        style: { color: WARNING_COLOUR, whiteSpace: 'normal', fontSize: 12, lineHeight: 1.3 },
      },
      'Original − denoised, HU',
    ),
};

export function getCustomizationModule(holder: SessionHolder) {
  return [
    {
      name: 'default',
      value: {},
    },
    {
      name: 'global',
      value: {
        'viewportOverlay.topRight': { $push: [overlayLabel, strengthLine(holder), differenceLine] },
        'ohif.hotkeyBindings': {
          $push: [
            { commandName: 'denoiseSeries', label: 'Denoise', keys: ['shift+d'], isEditable: true },
            {
              commandName: 'toggleDenoised',
              label: 'Denoise: original or denoised',
              keys: ['o'],
              isEditable: true,
            },
          ],
        },
      },
    },
  ];
}
