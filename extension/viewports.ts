import type * as core from '@cornerstonejs/core';
import { DenoiseError, type Fault } from '../src/notices';
import type { Services } from './ohif';

type Cornerstone = typeof core;

/** Viewports that show one image of a stack at a time. */
export function stackViewports(cornerstone: Cornerstone): core.Types.IStackViewport[] {
  const { STACK } = cornerstone.Enums.ViewportType;
  return allViewports(cornerstone).filter(one => one.type === STACK) as core.Types.IStackViewport[];
}

/** Viewports that cut or render a volume: MPR and 3D. */
export function volumeViewports(cornerstone: Cornerstone): core.Types.IVolumeViewport[] {
  const { ORTHOGRAPHIC, VOLUME_3D } = cornerstone.Enums.ViewportType;
  const kinds = [ORTHOGRAPHIC, VOLUME_3D];
  return allViewports(cornerstone).filter(one => kinds.includes(one.type)) as core.Types.IVolumeViewport[];
}

/** Viewports of every kind, OHIF's capture dialogue included. */
export function allViewports(cornerstone: Cornerstone): core.Types.IViewport[] {
  return (cornerstone.getRenderingEngines() ?? []).flatMap(engine => engine.getViewports());
}

export interface ElementListener {
  /** Events that Cornerstone fires on a viewport's element. */
  readonly names: readonly string[];
  on(event: CustomEvent, viewportId: string): void;
  enabled?(viewportId: string): void;
  disabled?(viewportId: string): void;
}

/** Listens on the elements of all viewports, present and to come. */
export function watchElements(cornerstone: Cornerstone, listener: ElementListener): { stop(): void } {
  const { ELEMENT_ENABLED, ELEMENT_DISABLED } = cornerstone.Enums.Events;
  const elements = new Set<Element>();
  const onEvent = (event: Event) => {
    const { viewportId } = (event as CustomEvent).detail as { viewportId: string };
    listener.on(event as CustomEvent, viewportId);
  };
  const listen = (element: Element) => {
    elements.add(element);
    for (const name of listener.names) element.addEventListener(name, onEvent);
  };
  const forget = (element: Element) => {
    elements.delete(element);
    for (const name of listener.names) element.removeEventListener(name, onEvent);
  };
  const detailOf = (event: Event) =>
    (event as CustomEvent).detail as { element: Element; viewportId: string };
  const onEnabled = (event: Event) => {
    const { element, viewportId } = detailOf(event);
    listen(element);
    listener.enabled?.(viewportId);
  };
  const onDisabled = (event: Event) => {
    const { element, viewportId } = detailOf(event);
    forget(element);
    listener.disabled?.(viewportId);
  };
  for (const { element } of allViewports(cornerstone)) listen(element);
  cornerstone.eventTarget.addEventListener(ELEMENT_ENABLED, onEnabled);
  cornerstone.eventTarget.addEventListener(ELEMENT_DISABLED, onDisabled);
  return {
    stop() {
      cornerstone.eventTarget.removeEventListener(ELEMENT_ENABLED, onEnabled);
      cornerstone.eventTarget.removeEventListener(ELEMENT_DISABLED, onDisabled);
      for (const element of [...elements]) forget(element);
    },
  };
}

/** OHIF changes its layout in its own time; after this long, ms, something keeps it from doing so. */
const RELEASE_LIMIT = 10_000;

/**
 * Resolves when no viewport shows these images any more, alone or in a volume.
 * @throws DenoiseError `still-shown` when a viewport still does after 10 s
 */
export function released(
  cornerstone: Cornerstone,
  { cornerstoneViewportService }: Pick<Services, 'cornerstoneViewportService'>,
  imageIds: ReadonlySet<string>,
): Promise<void> {
  if (!anyShows(cornerstone, imageIds)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const { ELEMENT_DISABLED } = cornerstone.Enums.Events;
    // The events come just before the viewport is gone, or has its new images.
    const look = () => setTimeout(() => !anyShows(cornerstone, imageIds) && settle(resolve));
    const settle = (end: () => void) => {
      clearTimeout(limit);
      subscription.unsubscribe();
      cornerstone.eventTarget.removeEventListener(ELEMENT_DISABLED, look);
      end();
    };
    const { VIEWPORT_DATA_CHANGED } = cornerstoneViewportService.EVENTS;
    const subscription = cornerstoneViewportService.subscribe(VIEWPORT_DATA_CHANGED, look);
    cornerstone.eventTarget.addEventListener(ELEMENT_DISABLED, look);
    const limit = setTimeout(() => {
      const notice: Fault = { kind: 'fault', code: 'still-shown', seconds: RELEASE_LIMIT / 1000 };
      settle(() => reject(new DenoiseError(notice)));
    }, RELEASE_LIMIT);
  });
}

function anyShows(cornerstone: Cornerstone, imageIds: ReadonlySet<string>): boolean {
  const holding = cornerstone.cache
    .getVolumes()
    .filter(volume => volume.imageIds?.some(id => imageIds.has(id)))
    .map(volume => volume.volumeId);
  return (
    stackViewports(cornerstone).some(viewport => viewport.getImageIds().some(id => imageIds.has(id))) ||
    volumeViewports(cornerstone).some(viewport => viewport.getAllVolumeIds().some(id => holding.includes(id)))
  );
}
