import type * as core from '@cornerstonejs/core';

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

function allViewports(cornerstone: Cornerstone): core.Types.IViewport[] {
  return (cornerstone.getRenderingEngines() ?? []).flatMap(engine => engine.getViewports());
}

/**
 * Draws all viewports again when the browser gives a lost WebGL context back: a crash of the graphics process takes the viewer's contexts
 * along with the engine's device, and Cornerstone makes its textures anew only at the next render, which nobody asks for, so the images
 * stay black.
 */
export function renderWhenRestored(cornerstone: Cornerstone): { stop(): void } {
  const { eventTarget, Enums } = cornerstone;
  const { WEBGL_CONTEXT_RESTORED } = Enums.Events;
  const onRestored = () => cornerstone.getRenderingEngines()?.forEach(engine => engine.render());
  eventTarget.addEventListener(WEBGL_CONTEXT_RESTORED, onRestored);
  return { stop: () => eventTarget.removeEventListener(WEBGL_CONTEXT_RESTORED, onRestored) };
}
