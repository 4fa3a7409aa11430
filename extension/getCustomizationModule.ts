import { createElement } from 'react';
import { PRODUCT } from '../src/ct';
import { DIFFERENCE_LABEL, LABEL } from './id';
import type { OhifInstance } from './ohif';

interface OverlayProps {
  readonly referenceInstance?: OhifInstance;
}

/** Ours, live or read back from the archive. */
function isOurs(instance: OhifInstance | undefined): boolean {
  return (
    instance?.['ManufacturerModelName'] === PRODUCT.modelName ||
    String(instance?.['SeriesDescription'] ?? '').includes(PRODUCT.seriesTag)
  );
}

function isDifference(instance: OhifInstance | undefined): boolean {
  return String(instance?.['SeriesDescription'] ?? '').startsWith(DIFFERENCE_LABEL);
}

/** The warning on every viewport that shows pixels of ours; first line, in a colour of its own. */
const overlayLabel = {
  id: 'IsclDenoised',
  condition: ({ referenceInstance }: OverlayProps) => isOurs(referenceInstance),
  // Rendered by the host's React: plain elements only. OHIF cuts overlay lines at 40 % of the viewport; this one wraps instead.
  contentF: ({ referenceInstance }: OverlayProps) =>
    createElement(
      'div',
      {
        'data-cy': 'iscl-overlay-label',
        title: 'Made by ISCL CT Denoise. For research; not for diagnostic use.',
        style: { color: '#ffb020', whiteSpace: 'normal', fontWeight: 600 },
      },
      isDifference(referenceInstance) ? DIFFERENCE_LABEL : LABEL,
    ),
};

export function getCustomizationModule() {
  return [
    {
      name: 'default',
      value: {},
    },
    {
      name: 'global',
      value: {
        'viewportOverlay.topRight': { $push: [overlayLabel] },
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
