import type * as core from '@cornerstonejs/core';
import { watchElements } from '../viewports';

/** Tells which image a viewport has come to show, for all viewports, present and to come. */
export function watchSlices(
  cornerstone: typeof core,
  /** `before`: the viewport will show it once it is loaded. */
  onImage: (imageId: string, viewportId: string, when: 'before' | 'shown') => void,
): { stop(): void } {
  const { PRE_STACK_NEW_IMAGE, STACK_NEW_IMAGE, VOLUME_NEW_IMAGE } = cornerstone.Enums.Events;
  return watchElements(cornerstone, {
    names: [PRE_STACK_NEW_IMAGE, STACK_NEW_IMAGE, VOLUME_NEW_IMAGE],
    on: ({ detail, type }, viewportId) => {
      const { imageId, renderingEngineId } = detail as { imageId?: string; renderingEngineId: string };
      const viewport = cornerstone.getRenderingEngine(renderingEngineId)?.getViewport(viewportId);
      const shown =
        imageId ?? (viewport as Partial<core.Types.IVolumeViewport> | undefined)?.getCurrentImageId?.();
      if (shown) onImage(shown, viewportId, type === PRE_STACK_NEW_IMAGE ? 'before' : 'shown');
    },
  });
}
