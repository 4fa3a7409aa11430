import type * as core from '@cornerstonejs/core';
import { stackViewports } from '../viewports';

interface Cover {
  readonly element: HTMLElement;
  readonly imageId: string;
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

  /** The viewport shows, or is about to show, a derived image that is not there; `text` says what it waits for. */
  put(viewportId: string, imageId: string, text: string): void {
    this.lift(viewportId);
    const viewport = stackViewports(this.cornerstone).find(one => one.id === viewportId);
    if (!viewport) return;
    const element = document.createElement('div');
    element.style.cssText = STYLE;
    element.dataset['cy'] = 'iscl-waiting';
    element.setAttribute('role', 'status');
    element.textContent = text;
    viewport.element.append(element);
    this.covers.set(viewportId, { element, imageId });
  }

  lift(viewportId: string): void {
    this.covers.get(viewportId)?.element.remove();
    this.covers.delete(viewportId);
  }

  say(text: (imageId: string) => string): void {
    for (const { element, imageId } of this.covers.values()) element.textContent = text(imageId);
  }

  /** The image is there now. */
  liftFrom(imageId: string): void {
    for (const [viewportId, cover] of [...this.covers]) if (cover.imageId === imageId) this.lift(viewportId);
  }

  dispose(): void {
    for (const viewportId of [...this.covers.keys()]) this.lift(viewportId);
  }
}
