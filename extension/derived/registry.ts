import type * as core from '@cornerstonejs/core';
import { IMAGE_SCHEME } from '../id';
import { stackViewports } from '../viewports';
import { derivedImage, imageModules, paint, type Pixels } from './image';
import type { LabelFacts } from './labels';
import { derivedMetadata } from './metadata';
import type { PixelSource } from './pixel-source';
import { repaintViewports } from './repaint';
import type { DerivedKind, DerivedSeries, DerivedSlice } from './series';

/** What a blank image holds: air, or no difference. */
const BLANK_HU: Readonly<Record<DerivedKind, number>> = { denoised: -1000, difference: 0 };

interface Entry {
  readonly slice: DerivedSlice;
  readonly kind: DerivedKind;
  readonly int16Hu: boolean;
  readonly pixels: PixelSource;
  /** Strength the cached pixels were painted with; null while there are none, or only a blank; NaN once they could not be renewed. */
  painted: number | null;
  /** Why the image is blank for now. */
  blank: unknown;
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

  constructor(private readonly cornerstone: typeof core) {
    cornerstone.imageLoader.registerImageLoader(IMAGE_SCHEME, imageId => ({
      promise: this.load(imageId),
    }));
    this.requestLimit = raiseInteractionLimit(cornerstone);
    this.metadata = derivedMetadata(cornerstone, imageId => this.entries.get(imageId)?.slice);
  }

  add(series: DerivedSeries, pixels: PixelSource): void {
    for (const slice of series.slices) {
      this.entries.set(slice.imageId, {
        slice,
        kind: series.kind,
        int16Hu: series.int16Hu,
        pixels,
        painted: null,
        blank: null,
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

  /** SOP Instance UIDs of all live instances. */
  *sopInstanceUids(): Iterable<string> {
    for (const { slice } of this.entries.values()) yield slice.instance.SOPInstanceUID;
  }

  /** What a label says of an image; null for an image of another kind. */
  factsOf(imageId: string): LabelFacts | null {
    const entry = this.entries.get(imageId);
    if (!entry) return null;
    const { kind, pixels, slice } = entry;
    return { kind, strength: pixels.toldStrength, source: slice.source.instance };
  }

  /** How many of these images hold no result yet; 0 for images of another kind. */
  undone(imageIds: readonly string[]): number {
    return imageIds.filter(id => this.entries.get(id)?.painted === null || this.entries.get(id)?.blank)
      .length;
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
    const batch: string[] = [];
    const show = () => repaintViewports(this.cornerstone, batch.splice(0));
    let began = performance.now();
    for (const imageId of stale) {
      if (await this.rewrite(imageId)) batch.push(imageId);
      if (turn !== this.repainting) break;
      if (visible.has(imageId) || performance.now() - began > 12) {
        show();
        await new Promise(resolve => setTimeout(resolve));
        if (turn !== this.repainting) break;
        began = performance.now();
      }
    }
    // Also when a later call has taken over: what has its strength already is not taken up again.
    show();
  }

  /**
   * Why an image is blank: its slice was cancelled, or failed, or its original can no longer be read. Null for an image that is there, or
   * still to come.
   */
  blankBecause(imageId: string): unknown {
    return this.entries.get(imageId)?.blank ?? null;
  }

  /**
   * A slice has just been denoised: fills its image where it was left blank, and brings it to the volumes that hold it. True when a
   * blank was filled.
   * @throws DenoiseError when the original's pixels cannot be had for a volume
   */
  async ready(imageId: string): Promise<boolean> {
    const entry = this.entries.get(imageId);
    if (!entry) return false;
    const wasBlank = entry.blank !== null;
    if (wasBlank) {
      // One that is not cached any more will be loaded anew.
      if (!(await this.rewrite(imageId))) entry.blank = null;
    } else {
      const holds = this.cornerstone.cache.getVolumes().some(one => one.imageIds?.includes(imageId));
      if (!holds) return false;
      // The volume's own queue may be elsewhere.
      await this.cornerstone.imageLoader.loadAndCacheImage(imageId, { priority: 0, requestType: 'prefetch' });
    }
    repaintViewports(this.cornerstone, [imageId]);
    return wasBlank && entry.blank === null;
  }

  dispose(): void {
    this.repainting++;
    this.entries.clear();
    this.metadata.remove();
    this.requestLimit.restore();
  }

  /**
   * Waits for the slice. One that is cancelled or fails gives a blank image, to be filled when it is denoised after all: Cornerstone's
   * cache throws the rejection of an image again where nobody can catch it, and OHIF tells the user that something went wrong.
   * `Comparison` covers what is blank.
   */
  private async load(imageId: string): Promise<core.Types.IImage> {
    const entry = this.entries.get(imageId);
    if (!entry) throw new Error(`${imageId} belongs to a series that was closed`);
    const { instance, source } = entry.slice;
    // Before waiting: the series may be closed meanwhile, and then nobody knows its metadata.
    const modules = imageModules(this.cornerstone, imageId);
    const size = Number(instance['Rows']) * Number(instance['Columns']);
    // Not before there is something to put in: all images of a series may wait here at once.
    const blank = (): Pixels => new (entry.int16Hu ? Int16Array : Float32Array)(size);
    let pixels: Pixels;
    try {
      const uid = source.instance.SOPInstanceUID;
      const denoised = await entry.pixels.denoised(uid);
      const hu = await entry.pixels.sourceHu(uid);
      entry.slice.window?.fit(hu, denoised.hu);
      pixels = blank();
      entry.blank = null;
      entry.painted = entry.pixels.strength;
      paint(pixels, entry.kind, hu, denoised, entry.painted);
    } catch (error) {
      entry.blank = error;
      pixels = blank().fill(BLANK_HU[entry.kind]);
    }
    return derivedImage(this.cornerstone, entry.slice, modules, pixels);
  }

  private isStale(imageId: string): boolean {
    const entry = this.entries.get(imageId);
    return entry !== undefined && entry.painted !== null && entry.painted !== entry.pixels.strength;
  }

  /**
   * Paints a cached image anew; false when it is not cached (any more). One whose original cannot be read any more is left blank rather
   * than at another strength than is told.
   */
  private async rewrite(imageId: string): Promise<boolean> {
    const entry = this.entries.get(imageId);
    const image = this.cornerstone.cache.getImage(imageId);
    if (!entry || !image) return false;
    const pixels = image.getPixelData() as Pixels;
    const uid = entry.slice.source.instance.SOPInstanceUID;
    try {
      const [denoised, source] = await Promise.all([entry.pixels.denoised(uid), entry.pixels.sourceHu(uid)]);
      entry.painted = entry.pixels.strength;
      entry.blank = null;
      paint(pixels, entry.kind, source, denoised, entry.painted);
    } catch (error) {
      entry.painted = NaN;
      entry.blank = error;
      pixels.fill(BLANK_HU[entry.kind]);
    }
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
