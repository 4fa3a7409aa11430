import type * as core from '@cornerstonejs/core';
import type { SliceHu } from '../../src/ct';
import type { DenoisedSlice } from '../../src/denoise';
import { IMAGE_SCHEME } from '../id';
import { stackViewports } from '../viewports';
import { derivedImage, paint, type Pixels } from './image';
import { derivedMetadata } from './metadata';
import { repaintViewports } from './repaint';
import type { DerivedKind, DerivedSeries, DerivedSlice } from './series';

/** Where a derived series gets its pixels from: one run of the denoiser. */
export interface PixelSource {
  readonly strength: number;
  /**
   * Resolves when the slice is denoised; rejects when it will not be. Who looks at a slice tells the run itself: Cornerstone asks
   * once for an image, be it for a prefetch, and not again when it comes on screen.
   */
  denoised(sopInstanceUid: string): Promise<DenoisedSlice>;
  sourceHu(sopInstanceUid: string): Promise<SliceHu>;
}

interface Entry {
  readonly slice: DerivedSlice;
  readonly kind: DerivedKind;
  readonly integerHu: boolean;
  readonly pixels: PixelSource;
  /** Strength the cached pixels were painted with; null while there are none. */
  painted: number | null;
}

/**
 * The viewer's side of live derived series: a Cornerstone image loader and metadata provider for our scheme, and the rewriting of
 * pixels that are already cached. Loading an image waits for the run to denoise that slice, so stacks, MPR and thumbnails show
 * slices as they are done, with no polling.
 */
export class DerivedRegistry {
  private readonly entries = new Map<string, Entry>();
  private readonly metadata: { remove(): void };
  private readonly requestLimit: { restore(): void };
  private repainting = 0;

  /** @param onFailed told of an image that will not come */
  constructor(
    private readonly cornerstone: typeof core,
    private readonly onFailed: (imageId: string, error: unknown) => void,
  ) {
    cornerstone.imageLoader.registerImageLoader(IMAGE_SCHEME, imageId => ({
      promise: this.load(imageId).catch(error => {
        this.onFailed(imageId, error);
        throw error;
      }),
    }));
    this.requestLimit = raiseInteractionLimit(cornerstone);
    this.metadata = derivedMetadata(cornerstone, imageId => this.entries.get(imageId)?.slice);
  }

  add(series: DerivedSeries, pixels: PixelSource): void {
    for (const slice of series.slices) {
      this.entries.set(slice.imageId, {
        slice,
        kind: series.kind,
        integerHu: series.integerHu,
        pixels,
        painted: null,
      });
    }
  }

  /** Forgets a series and frees its images and volumes. */
  remove(series: DerivedSeries): void {
    const { cache } = this.cornerstone;
    const gone = new Set(series.slices.map(slice => slice.imageId));
    for (const volume of cache.getVolumes()) {
      if (volume.imageIds?.some(id => gone.has(id))) cache.removeVolumeLoadObject(volume.volumeId);
    }
    for (const imageId of gone) {
      this.entries.delete(imageId);
      if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
    }
  }

  get size(): number {
    return this.entries.size;
  }

  /** The derived slice behind an image id of ours. */
  sliceOf(imageId: string): DerivedSlice | undefined {
    return this.entries.get(imageId)?.slice;
  }

  /**
   * Rewrites the cached images of `series` at the run's present strength: what is on screen first, the rest in short turns, so that
   * a slider stays smooth. A later call takes over from an earlier one.
   */
  async repaint(series: readonly DerivedSeries[]): Promise<void> {
    const turn = ++this.repainting;
    const visible = new Set(stackViewports(this.cornerstone).map(viewport => viewport.getCurrentImageId()));
    const stale = series
      .flatMap(one => one.slices.map(slice => slice.imageId))
      .filter(id => this.isStale(id))
      .sort((a, b) => Number(visible.has(b)) - Number(visible.has(a)));
    let batch: string[] = [];
    let began = performance.now();
    for (const imageId of stale) {
      if (!(await this.rewrite(imageId)) || turn !== this.repainting) {
        if (turn !== this.repainting) return;
        continue;
      }
      batch.push(imageId);
      if (visible.has(imageId) || performance.now() - began > 12) {
        repaintViewports(this.cornerstone, batch);
        batch = [];
        await new Promise(resolve => setTimeout(resolve));
        if (turn !== this.repainting) return;
        began = performance.now();
      }
    }
    if (batch.length > 0) repaintViewports(this.cornerstone, batch);
  }

  /** A slice has just been denoised: volumes that hold it load it now, though their own queue may be elsewhere. */
  async refreshVolumes(imageId: string): Promise<void> {
    const holds = this.cornerstone.cache.getVolumes().some(one => one.imageIds?.includes(imageId));
    if (!holds) return;
    await this.cornerstone.imageLoader.loadAndCacheImage(imageId, { priority: 0, requestType: 'prefetch' });
    repaintViewports(this.cornerstone, [imageId]);
  }

  dispose(): void {
    this.repainting++;
    this.entries.clear();
    this.metadata.remove();
    this.requestLimit.restore();
  }

  private async load(imageId: string): Promise<core.Types.IImage> {
    const entry = this.entries.get(imageId);
    if (!entry) throw new Error(`${imageId} belongs to a series that was closed`);
    const uid = entry.slice.source.instance.SOPInstanceUID;
    const denoised = await entry.pixels.denoised(uid);
    const source = await entry.pixels.sourceHu(uid);
    const length = denoised.rows * denoised.columns;
    const pixels: Pixels = entry.integerHu ? new Int16Array(length) : new Float32Array(length);
    entry.painted = entry.pixels.strength;
    paint(pixels, entry.kind, source, denoised, entry.painted);
    return derivedImage(this.cornerstone, entry.slice, denoised.rows, denoised.columns, pixels);
  }

  private isStale(imageId: string): boolean {
    const entry = this.entries.get(imageId);
    return entry !== undefined && entry.painted !== null && entry.painted !== entry.pixels.strength;
  }

  /** False when the image is not cached (any more). */
  private async rewrite(imageId: string): Promise<boolean> {
    const entry = this.entries.get(imageId);
    const image = this.cornerstone.cache.getImage(imageId);
    if (!entry || !image) return false;
    const uid = entry.slice.source.instance.SOPInstanceUID;
    const [denoised, source] = await Promise.all([entry.pixels.denoised(uid), entry.pixels.sourceHu(uid)]);
    entry.painted = entry.pixels.strength;
    paint(image.getPixelData() as Pixels, entry.kind, source, denoised, entry.painted);
    return true;
  }
}

/**
 * An image that is still being denoised holds one of Cornerstone's places for images under way (OHIF's default: 10). Scrolling past
 * more of them would block the original beside it.
 */
function raiseInteractionLimit(cornerstone: typeof core): { restore(): void } {
  const { imageLoadPoolManager: pool, Enums } = cornerstone;
  const type = Enums.RequestType.Interaction;
  const before = pool.maxNumRequests[type];
  pool.setMaxSimultaneousRequests(type, 1000);
  return { restore: () => pool.setMaxSimultaneousRequests(type, before) };
}
