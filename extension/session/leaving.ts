import type { Run } from './run';
import type { Saver } from './saver';

/** What would be lost if the mode were left now, a sentence each. */
export function unsavedWork(runs: readonly Run[], { busy, subject }: Saver): readonly string[] {
  const sentences = busy && subject ? [`“${subject.label}” is being saved.`] : [];
  for (const run of runs) {
    const { state, progress } = run.snapshot;
    const { done, total } = progress;
    if (run.saved || (busy && subject?.run === run)) continue;
    if (['checking', 'loading', 'testing', 'running', 'paused'].includes(state))
      sentences.push(`“${run.description}” is not finished: ${done} of ${total} slices are denoised.`);
    else if (done > 0) sentences.push(`“${run.description}” is denoised and not saved.`);
  }
  return sentences;
}

/** OHIF's way back to the study list; it changes the address without loading a page. */
const BACK_TO_LIST = '[data-cy="return-to-work-list"]';

/** React Router's place of an entry in the browser's history. */
const placeOf = (state: unknown): number | null => {
  const { idx } = (state ?? {}) as { idx?: unknown };
  return typeof idx === 'number' ? idx : null;
};

/**
 * Asks before the mode is left with work that would be lost: the tab closed or reloaded, OHIF's way back to the study list, the browser's back
 * button. OHIF has no hook that comes before a mode is left (onModeExit comes after), and a page cannot word the browser's own question.
 * @param lost what would be lost, a sentence each; none: the mode is left without a question
 */
export function guardLeaving(lost: () => readonly string[]): { stop(): void } {
  const { pathname } = window.location;
  let place = placeOf(window.history.state);
  /** The browser comes back by our wish. */
  let returning = false;
  const stays = () => {
    const sentences = lost();
    if (sentences.length === 0) return false;
    return !window.confirm(
      `${sentences.join('\n')}\n\nLeave, and lose what is not saved? What was already saved or stored stays.`,
    );
  };
  const onUnload = (event: BeforeUnloadEvent) => {
    if (lost().length > 0) event.preventDefault();
  };
  const onClick = (event: MouseEvent) => {
    if (!(event.target as Element).closest(BACK_TO_LIST) || !stays()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  // Before React Router's own listener, which would leave the mode: a listener that captures comes first, also on the target itself.
  const onPop = (event: PopStateEvent) => {
    if (returning) {
      returning = false;
      event.stopImmediatePropagation();
      return;
    }
    const next = placeOf(event.state);
    if (window.location.pathname === pathname || !stays()) {
      place = next;
      return;
    }
    event.stopImmediatePropagation();
    returning = true;
    window.history.go(place === null || next === null ? 1 : place - next);
  };
  window.addEventListener('beforeunload', onUnload);
  window.addEventListener('click', onClick, true);
  window.addEventListener('popstate', onPop, true);
  return {
    stop() {
      window.removeEventListener('beforeunload', onUnload);
      window.removeEventListener('click', onClick, true);
      window.removeEventListener('popstate', onPop, true);
    },
  };
}
