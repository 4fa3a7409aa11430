/** One press of Denoise: when each step was reached, ms after the press. */
export interface Press {
  /** The first slice went to the worker: verdict, pixels of the source and tensor are done. */
  readonly sent: number;
  /** Its result came back. */
  readonly computed: number;
  /** The frame after the one that showed it in the viewport `iscl-denoised`, uncovered. */
  readonly onScreen: number;
}

export interface Stopwatch {
  /** The engine's session is open: model loaded, self-test passed. */
  ready: boolean;
  press: Press | null;
  /** Of every result since the page was opened: wall time of the inference in the worker, and when it came. */
  readonly results: { readonly ms: number; readonly at: number }[];
}

declare global {
  interface Window {
    readonly stopwatch: Stopwatch;
  }
}

interface RenderedDetail {
  readonly viewportId: string;
  readonly element: HTMLElement;
}

/**
 * Runs in the page before anything else. It looks on - at clicks, at the messages of the engine's worker, at Cornerstone's IMAGE_RENDERED - and
 * changes nothing of the product.
 */
export function installStopwatch(): void {
  let pressed = 0;
  let sent = 0;
  let computed = 0;
  const stopwatch: Stopwatch = { ready: false, press: null, results: [] };
  Object.assign(window, { stopwatch });

  class WatchedWorker extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener('message', ({ data }: MessageEvent) => {
        if (data?.kind === 'opened') stopwatch.ready = true;
        if (data?.kind !== 'result') return;
        const at = performance.now();
        computed ||= at;
        stopwatch.results.push({ ms: data.result.ms, at });
      });
    }
    override postMessage(message: unknown, options?: Transferable[] | StructuredSerializeOptions): void {
      if ((message as { kind?: string } | null)?.kind === 'run') sent ||= performance.now();
      super.postMessage(message, options as Transferable[]);
    }
  }
  window.Worker = WatchedWorker;

  document.addEventListener(
    'click',
    event => {
      if (!(event.target as Element).closest('[data-cy="iscl-denoise"]')) return;
      // When the mouse button went up, not when the page got round to it.
      pressed = event.timeStamp;
      sent = computed = 0;
      stopwatch.press = null;
    },
    { capture: true },
  );
  document.addEventListener(
    'CORNERSTONE_IMAGE_RENDERED',
    event => {
      const { viewportId, element } = (event as CustomEvent<RenderedDetail>).detail;
      if (viewportId !== 'iscl-denoised' || !pressed || !computed || stopwatch.press) return;
      const viewport = window.stacks().find(one => one.id === viewportId);
      const image = viewport?.getCornerstoneImage();
      if (!image || image.imageId !== viewport!.getCurrentImageId()) return;
      if (element.querySelector('[data-cy="iscl-waiting"]')) return;
      const [press, out, back] = [pressed, sent, computed];
      pressed = 0;
      requestAnimationFrame(() => {
        const onScreen = performance.now() - press;
        stopwatch.press = { sent: out - press, computed: back - press, onScreen };
      });
    },
    { capture: true },
  );
}
