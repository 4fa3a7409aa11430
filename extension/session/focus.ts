import type * as core from '@cornerstonejs/core';

/**
 * Tells which image a viewport has come to show, for all viewports, present and to come. Cornerstone fires these events on the
 * viewport's element, so each element is listened to from when it is enabled.
 */
export function watchSlices(
  cornerstone: typeof core,
  /** `before`: the viewport will show it once it is loaded. */
  onImage: (imageId: string, viewportId: string, when: 'before' | 'shown') => void,
): { stop(): void } {
  const { Events } = cornerstone.Enums;
  const names = [Events.PRE_STACK_NEW_IMAGE, Events.STACK_NEW_IMAGE, Events.VOLUME_NEW_IMAGE];
  const elements = new Set<Element>();

  const onNewImage = (event: Event) => {
    const { imageId, viewportId, renderingEngineId } = (event as CustomEvent).detail as {
      imageId?: string;
      viewportId: string;
      renderingEngineId: string;
    };
    const viewport = cornerstone.getRenderingEngine(renderingEngineId)?.getViewport(viewportId);
    const shown =
      imageId ?? (viewport as Partial<core.Types.IVolumeViewport> | undefined)?.getCurrentImageId?.();
    if (shown) onImage(shown, viewportId, event.type === Events.PRE_STACK_NEW_IMAGE ? 'before' : 'shown');
  };
  const listen = (element: Element) => {
    elements.add(element);
    for (const name of names) element.addEventListener(name, onNewImage);
  };
  const forget = (element: Element) => {
    elements.delete(element);
    for (const name of names) element.removeEventListener(name, onNewImage);
  };
  const onEnabled = (event: Event) => listen((event as CustomEvent).detail.element as Element);
  const onDisabled = (event: Event) => forget((event as CustomEvent).detail.element as Element);

  for (const engine of cornerstone.getRenderingEngines() ?? []) {
    for (const viewport of engine.getViewports()) listen(viewport.element);
  }
  cornerstone.eventTarget.addEventListener(Events.ELEMENT_ENABLED, onEnabled);
  cornerstone.eventTarget.addEventListener(Events.ELEMENT_DISABLED, onDisabled);
  return {
    stop() {
      cornerstone.eventTarget.removeEventListener(Events.ELEMENT_ENABLED, onEnabled);
      cornerstone.eventTarget.removeEventListener(Events.ELEMENT_DISABLED, onDisabled);
      for (const element of [...elements]) forget(element);
    },
  };
}
