import type * as core from '@cornerstonejs/core';
import { stackViewports, volumeViewports } from '../viewports';

/** The texture of a streaming volume; Cornerstone's types leave its own methods out. */
interface StreamingTexture {
  setUpdatedFrame(frameIndex: number): void;
}

interface VtkImageData {
  getPointData(): { getScalars(): { getData(): { set(values: ArrayLike<number>): void } } };
  modified(): void;
}

/** With CPU rendering the viewport draws from the image's own pixels. */
function isVtkImageData(imageData: object): imageData is VtkImageData {
  return 'getPointData' in imageData;
}

/**
 * The pixels of these cached images changed in place: uploads them again where a stack or a volume shows them, and renders. A stack
 * viewport copies pixels into its own texture data when the image changes, so that copy is renewed too.
 */
export function repaintViewports(cornerstone: typeof core, imageIds: readonly string[]): void {
  const changed = new Set(imageIds);
  const volumeIds = new Set<string>();
  for (const volume of cornerstone.cache.getVolumes()) {
    const texture = volume.vtkOpenGLTexture as unknown as StreamingTexture | undefined;
    volume.imageIds?.forEach((imageId, frame) => {
      if (!changed.has(imageId)) return;
      texture?.setUpdatedFrame(frame);
      volumeIds.add(volume.volumeId);
    });
    if (volumeIds.has(volume.volumeId)) volume.imageData?.modified();
  }
  for (const viewport of stackViewports(cornerstone)) {
    const image = viewport.getCornerstoneImage();
    if (!image || !changed.has(image.imageId)) continue;
    const imageData: object | undefined = viewport.getImageData()?.imageData;
    if (imageData && isVtkImageData(imageData)) {
      imageData.getPointData().getScalars().getData().set(image.getPixelData());
      imageData.modified();
    }
    viewport.render();
  }
  for (const viewport of volumeViewports(cornerstone)) {
    if (viewport.getAllVolumeIds().some(id => volumeIds.has(id))) viewport.render();
  }
}
