import type { JobState } from './types';

export type JobTrigger =
  'start' | 'accept' | 'load' | 'test' | 'run' | 'pause' | 'resume' | 'finish' | 'cancel' | 'fail';

/** The state after each event; what is not here is illegal. Loading and testing alternate when a provider fails its test. */
export const TRANSITIONS: Readonly<Record<JobState, Partial<Record<JobTrigger, JobState>>>> = {
  idle: { start: 'checking' },
  checking: { accept: 'loading', cancel: 'cancelled', fail: 'failed' },
  loading: { load: 'loading', test: 'testing', run: 'running', cancel: 'cancelled', fail: 'failed' },
  testing: { load: 'loading', test: 'testing', run: 'running', cancel: 'cancelled', fail: 'failed' },
  running: { pause: 'paused', finish: 'done', cancel: 'cancelled', fail: 'failed' },
  paused: { resume: 'running', finish: 'done', cancel: 'cancelled', fail: 'failed' },
  done: { start: 'checking' },
  cancelled: { start: 'checking' },
  failed: { start: 'checking' },
};

/** An event the state does not know: a mistake of the caller, not of the data. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition';
  constructor(
    readonly state: JobState,
    readonly trigger: JobTrigger,
  ) {
    super(`a job that is ${state} cannot ${trigger}`);
  }
}

/** @throws IllegalTransition */
export function nextState(state: JobState, trigger: JobTrigger): JobState {
  const next = TRANSITIONS[state][trigger];
  if (!next) throw new IllegalTransition(state, trigger);
  return next;
}
