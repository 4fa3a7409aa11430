import type * as core from '@cornerstonejs/core';
import { isIsclDerived, storedSettings } from '../../src/ct';
import { DIFFERENCE_LABEL, LABEL, WARNING_COLOUR } from '../id';
import type { OhifInstance } from '../ohif';
import { allViewports, stackViewports, volumeViewports, watchElements } from '../viewports';
import type { DerivedKind } from './series';

/** What a label says of a derived series. */
export interface LabelFacts {
  readonly kind: DerivedKind;
  /** 0 to 1; null where a stored series does not state it. */
  readonly strength: number | null;
  /** Slices of a volume whose place is still empty; null for a single image, which is covered while it is not there. */
  readonly undone?: { readonly slices: number; readonly total: number } | null;
  /** The original that it was made from; null for a stored series whose original is not in the study. */
  readonly source: OhifInstance | null;
}

export interface LabelHost {
  readonly cornerstone: typeof core;
  readonly registry: {
    /** Facts about a live image; null for an image of another kind. */
    factsOf(imageId: string): LabelFacts | null;
    /** How many of these live images hold no result yet. */
    undone(imageIds: readonly string[]): number;
  };
  /** First image of the series that OHIF is about to show in a viewport, or shows. */
  hungIn(viewportId: string): OhifInstance | undefined;
  /** First image of the original of a stored series; null where it is not in the study. */
  originalOf(seriesInstanceUid: string): OhifInstance | null;
}

/**
 * The warning on every viewport that shows derived pixels, or will show them: live and stored, stack and volume, in the capture dialogue too.
 * OHIF's overlays need an image, and a derived image may take its time, fail or be cancelled. So the label is an element of its own, which
 * stays from the moment the series hangs until the last derived pixel is gone.
 */
export class Labels {
  private readonly labels = new Map<string, HTMLElement>();
  private readonly watch: { stop(): void };

  constructor(private readonly host: LabelHost) {
    const { Events } = host.cornerstone.Enums;
    const names = [
      Events.PRE_STACK_NEW_IMAGE,
      Events.STACK_NEW_IMAGE,
      Events.VIEWPORT_NEW_IMAGE_SET,
      Events.VOLUME_VIEWPORT_NEW_VOLUME,
      Events.IMAGE_RENDERED,
    ];
    this.watch = watchElements(host.cornerstone, {
      names,
      on: (_, viewportId) => this.update(viewportId),
      // The viewport can be asked about only after this event.
      enabled: viewportId => queueMicrotask(() => this.update(viewportId)),
      disabled: viewportId => this.remove(viewportId),
    });
  }

  /** Another series hangs somewhere, or a strength has changed. */
  refresh(): void {
    for (const { id } of allViewports(this.host.cornerstone)) this.update(id);
  }

  dispose(): void {
    this.watch.stop();
    for (const viewportId of [...this.labels.keys()]) this.remove(viewportId);
  }

  private update(viewportId: string): void {
    const viewport = allViewports(this.host.cornerstone).find(one => one.id === viewportId);
    if (!viewport) return this.remove(viewportId);
    const facts = this.factsOf(viewport);
    if (!facts) return this.remove(viewportId);
    let label = this.labels.get(viewportId);
    if (label?.parentElement !== viewport.element) {
      label?.remove();
      label = viewport.element.appendChild(emptyLabel());
      this.labels.set(viewportId, label);
    }
    write(label, facts);
  }

  private remove(viewportId: string): void {
    this.labels.get(viewportId)?.remove();
    this.labels.delete(viewportId);
  }

  /** By the image that is drawn, else by the images to come, else by the series that hangs. */
  private factsOf(viewport: core.Types.IViewport): LabelFacts | null {
    const imageIds = imagesOf(this.host.cornerstone, viewport);
    for (const imageId of imageIds) {
      const live = this.host.registry.factsOf(imageId);
      if (live) return { ...live, undone: this.undoneIn(viewport) };
      const stored = this.storedFacts(this.instanceOf(imageId));
      if (stored) return stored;
    }
    const hung = this.host.hungIn(viewport.id);
    return (hung?.imageId ? this.host.registry.factsOf(hung.imageId) : null) ?? this.storedFacts(hung);
  }

  /** A volume shows air where a slice is not there, and nothing else tells. */
  private undoneIn({ id }: core.Types.IViewport): NonNullable<LabelFacts['undone']> | null {
    const { cornerstone, registry } = this.host;
    const volumes =
      volumeViewports(cornerstone)
        .find(one => one.id === id)
        ?.getAllVolumeIds() ?? [];
    for (const volumeId of volumes) {
      const imageIds = cornerstone.cache.getVolume(volumeId)?.imageIds ?? [];
      const slices = registry.undone(imageIds);
      if (slices > 0) return { slices, total: imageIds.length };
    }
    return null;
  }

  private instanceOf(imageId: string): OhifInstance | undefined {
    return this.host.cornerstone.metaData.get('instance', imageId) as OhifInstance | undefined;
  }

  private storedFacts(instance: OhifInstance | undefined): LabelFacts | null {
    if (!instance || !isIsclDerived(instance)) return null;
    const { strength } = storedSettings(instance);
    return { kind: 'denoised', strength, source: this.host.originalOf(instance.SeriesInstanceUID) };
  }
}

/** The image that a viewport draws, and the first of those that it is to draw. */
function imagesOf(cornerstone: typeof core, { id }: core.Types.IViewport): readonly string[] {
  const isViewport = (one: { readonly id: string }) => one.id === id;
  const stack = stackViewports(cornerstone).find(isViewport);
  if (stack) {
    return [stack.getCornerstoneImage()?.imageId, stack.getImageIds()[0]].filter(one => one !== undefined);
  }
  const volumes = volumeViewports(cornerstone).find(isViewport)?.getAllVolumeIds() ?? [];
  return volumes.flatMap(volumeId => cornerstone.cache.getVolume(volumeId)?.imageIds?.[0] ?? []);
}

/** Over the cover of a slice that is not there yet, and right of the viewport’s middle, where OHIF writes nothing, below the controls of its cine player. */
const STYLE =
  `position:absolute;z-index:1;top:88px;right:24px;max-width:46%;pointer-events:none;text-align:right;` +
  `color:${WARNING_COLOUR};font-size:12px;line-height:1.3;overflow-wrap:anywhere;text-shadow:0 0 2px #000,0 0 2px #000;`;

const PARTS = ['label', 'strength', 'undone', 'difference', 'source'] as const;

function emptyLabel(): HTMLElement {
  const label = document.createElement('div');
  label.style.cssText = STYLE;
  return label;
}

function emptyLine(part: (typeof PARTS)[number]): HTMLElement {
  const line = document.createElement('div');
  line.dataset['cy'] = `iscl-overlay-${part}`;
  if (part === 'label') line.style.fontWeight = '600';
  return line;
}

function write(label: HTMLElement, facts: LabelFacts): void {
  const { kind, strength, source, undone } = facts;
  const difference = kind === 'difference';
  const text: Record<(typeof PARTS)[number], string> = {
    label: difference ? DIFFERENCE_LABEL : LABEL,
    strength: strength === null ? '' : `Strength ${Math.round(strength * 100)} %`,
    undone: undone ? `${undone.slices} of ${undone.total} slices are not denoised: empty here` : '',
    difference: difference ? 'Original − denoised, HU' : '',
    source: source ? `of ${nameOf(source)}` : '',
  };
  const lines = PARTS.filter(part => text[part] !== '').map(part => {
    const line = label.querySelector<HTMLElement>(`[data-cy="iscl-overlay-${part}"]`) ?? emptyLine(part);
    // Writing the same again would make the browser lay the viewport out anew.
    if (line.textContent !== text[part]) line.textContent = text[part];
    return line;
  });
  if (lines.length !== label.children.length || lines.some((line, index) => label.children[index] !== line))
    label.replaceChildren(...lines);
}

/** A series by number and description. */
function nameOf(instance: OhifInstance): string {
  const number = String(instance['SeriesNumber'] ?? '');
  return [`series ${number}`.trim(), String(instance['SeriesDescription'] ?? '')].filter(Boolean).join(': ');
}
