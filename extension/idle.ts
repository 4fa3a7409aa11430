/** Longest wait for an idle moment, ms: a page that is never idle gets the work done all the same. */
const TIMEOUT = 2000;

/** Resolves when the browser has nothing to draw; after a short while where it does not tell (Safari). */
export function idle(): Promise<void> {
  return new Promise(resolve => {
    if ('requestIdleCallback' in window) window.requestIdleCallback(() => resolve(), { timeout: TIMEOUT });
    else setTimeout(resolve, 500);
  });
}

/** Resolves when what was changed just now has been drawn, after TIMEOUT at the latest: a page in the background draws nothing. */
export function drawn(): Promise<void> {
  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
  const late = new Promise<void>(resolve => setTimeout(resolve, TIMEOUT));
  return Promise.race([frame().then(frame).then(idle), late]);
}
