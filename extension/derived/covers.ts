import type * as core from '@cornerstonejs/core';
import { stackViewports } from '../viewports';

interface Cover {
  readonly element: HTMLElement;
  readonly imageId: string;
  failed: boolean;
}

const STYLE =
  'position:absolute;inset:0;display:flex;align-items:center;justify-content:center;padding:24px;text-align:center;' +
  'background:#000;color:hsl(var(--muted-foreground));font-size:14px;pointer-events:none;';

/**
 * A stack viewport keeps showing the last image until the next one is loaded. While a slice is still being denoised that would be
 * another slice than the one beside it, so the viewport is covered until its own slice is there.
 */
export class Covers {
  private readonly covers = new Map<string, Cover>();

  constructor(private readonly cornerstone: typeof core) {}

  /** The viewport is about to show this derived image; `text` says what it waits for. */
  wait(viewportId: string, imageId: string, text: string): void {
    this.lift(viewportId);
    if (this.cornerstone.cache.getImage(imageId)) return;
    const viewport = stackViewports(this.cornerstone).find(one => one.id === viewportId);
    if (!viewport) return;
    const element = document.createElement('div');
    element.style.cssText = STYLE;
    element.dataset['cy'] = 'iscl-waiting';
    element.setAttribute('role', 'status');
    element.textContent = text;
    viewport.element.append(element);
    this.covers.set(viewportId, { element, imageId, failed: false });
  }

  lift(viewportId: string): void {
    this.covers.get(viewportId)?.element.remove();
    this.covers.delete(viewportId);
  }

  /** The image will not come, for now; `text` says why. */
  fail(imageId: string, text: string): void {
    for (const cover of this.covers.values()) {
      if (cover.imageId !== imageId) continue;
      cover.failed = true;
      cover.element.textContent = text;
    }
  }

  /** An image that had failed can be had after all: viewports still waiting for it load it again. */
  async retry(imageId: string): Promise<void> {
    for (const [viewportId, cover] of [...this.covers]) {
      if (cover.imageId !== imageId || !cover.failed) continue;
      cover.failed = false;
      const image = await this.cornerstone.imageLoader.loadAndCacheImage(imageId, {
        priority: 5,
        requestType: 'interaction',
      });
      const viewport = stackViewports(this.cornerstone).find(one => one.id === viewportId);
      if (!viewport || viewport.getCurrentImageId() !== imageId) continue;
      (viewport as core.StackViewport).renderImageObject(image);
      viewport.render();
      this.lift(viewportId);
    }
  }

  dispose(): void {
    for (const viewportId of [...this.covers.keys()]) this.lift(viewportId);
  }
}
