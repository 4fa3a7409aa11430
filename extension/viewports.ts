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
