/**
 * The two state machines of storing, as tables: one for each instance (kept in the journal) and one for the session. An event
 * a state does not list is a programming error and throws: storing must never drift into a state nobody wrote down.
 */

/**
 * - `pending`: to be sent. `sending`: in a request now. `unconfirmed`: a request ended without saying what became of it.
 * - `accepted`: the server says it has it. `existing`: it was there before we sent it. Neither has been read back.
 * - `stored`, `present`: the same two, read back. `mismatch`: the server holds other pixels under this UID.
 * - `failed`: the server will not have it, with a reason.
 */
export type InstanceState =
  | 'pending'
  | 'sending'
  | 'unconfirmed'
  | 'accepted'
  | 'existing'
  | 'stored'
  | 'present'
  | 'mismatch'
  | 'failed';

export type InstanceEvent =
  | 'send'
  | 'accept'
  | 'duplicate'
  | 'lose'
  | 'delay'
  | 'refuse'
  | 'found'
  | 'absent'
  | 'verify'
  | 'differ'
  | 'retry';

type Table<S extends string, E extends string> = { readonly [state in S]: { readonly [event in E]?: S } };

export const INSTANCE_TABLE: Table<InstanceState, InstanceEvent> = {
  pending: { send: 'sending', found: 'existing', refuse: 'failed' },
  sending: {
    accept: 'accepted',
    duplicate: 'existing',
    lose: 'unconfirmed',
    delay: 'pending',
    refuse: 'failed',
  },
  unconfirmed: { found: 'accepted', absent: 'pending' },
  accepted: { verify: 'stored', absent: 'pending', differ: 'mismatch' },
  existing: { verify: 'present', absent: 'pending', differ: 'mismatch' },
  stored: { absent: 'pending' },
  present: { absent: 'pending' },
  mismatch: { retry: 'pending' },
  failed: { retry: 'pending' },
};

export type SessionState = 'idle' | 'sending' | 'verifying' | 'done' | 'incomplete' | 'cancelled';
export type SessionEvent = 'start' | 'drain' | 'resend' | 'complete' | 'fall-short' | 'cancel';

/** Waiting before a retry and asking for a log-in hold the state they are in; progress names them (`hold`). */
export const SESSION_TABLE: Table<SessionState, SessionEvent> = {
  idle: { start: 'sending', cancel: 'cancelled' },
  sending: { drain: 'verifying', 'fall-short': 'incomplete', cancel: 'cancelled' },
  verifying: { resend: 'sending', complete: 'done', 'fall-short': 'incomplete', cancel: 'cancelled' },
  done: {},
  incomplete: {},
  cancelled: {},
};

/** The state after `event`; throws on an event the table does not list for `state`. */
export function next<S extends string, E extends string>(table: Table<S, E>, state: S, event: E): S {
  const to = table[state][event];
  if (to === undefined) throw new Error(`illegal event "${event}" in state "${state}"`);
  return to;
}
