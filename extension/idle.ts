/** Longest wait for an idle moment, ms: a page that is never idle gets the work done all the same. */
const TIMEOUT = 2000;

/** Resolves when the browser has nothing to draw; after a short while where it does not tell (Safari). */
export function idle(): Promise<void> {
  return new Promise(resolve => {
    if ('requestIdleCallback' in window) window.requestIdleCallback(() => resolve(), { timeout: TIMEOUT });
    else setTimeout(resolve, 500);
  });
}
