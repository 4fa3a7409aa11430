import { IllegalTransition, type JobTrigger, nextState, TRANSITIONS } from './states';
import type { JobState } from './types';

const triggers: JobTrigger[] = [
  'start',
  'accept',
  'load',
  'test',
  'run',
  'pause',
  'resume',
  'finish',
  'cancel',
  'fail',
];
const states = Object.keys(TRANSITIONS) as JobState[];

test('every event that is not in the table throws', () => {
  for (const state of states) {
    for (const trigger of triggers) {
      const next = TRANSITIONS[state][trigger];
      if (next) expect(nextState(state, trigger)).toBe(next);
      else expect(() => nextState(state, trigger)).toThrow(IllegalTransition);
    }
  }
});

test('no state is a trap: from each, a run can be done', () => {
  for (const state of states) {
    const reached = new Set<JobState>([state]);
    for (const at of reached) for (const next of Object.values(TRANSITIONS[at])) reached.add(next);
    expect(reached.has('done')).toBe(true);
  }
});

test('whatever is at work can be cancelled', () => {
  for (const state of ['checking', 'loading', 'testing', 'running', 'paused'] as const) {
    expect(nextState(state, 'cancel')).toBe('cancelled');
  }
});
