/**
 * A signal that is aborted as soon as one of these is, with its reason. `AbortSignal.any`, which Chrome has since 116, Firefox since 124 and Safari since 17.4, does no
 * more; without it a hospital's older browser could not denoise at all.
 */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  if ('any' in AbortSignal) return AbortSignal.any([...signals]);
  const controller = new AbortController();
  const stop = () => signals.forEach(signal => signal.removeEventListener('abort', onAbort));
  const onAbort = () => {
    stop();
    controller.abort(signals.find(signal => signal.aborted)?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort);
  if (signals.some(signal => signal.aborted)) onAbort();
  return controller.signal;
}
