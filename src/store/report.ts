import type { Fault } from '../notices';
import type { JournalEntry, JournalSession } from './journal';

/** Why the server does not have an instance. */
export type FailureReason =
  /** Failure Reason (0008,1197) of the instance, four hex digits. */
  | { readonly code: 'failure-reason'; readonly value: string }
  /** The request was refused and no reason names the instance. */
  | { readonly code: 'refused'; readonly status: number }
  | { readonly code: 'too-large'; readonly bytes: number }
  | { readonly code: 'server-full' }
  | { readonly code: 'server-error'; readonly status: number }
  | { readonly code: 'unreachable' }
  /** The server said it was stored, and does not list it. */
  | { readonly code: 'missing-after-store' }
  /** The server holds other pixels under the same SOP Instance UID. */
  | { readonly code: 'other-pixels' }
  /** The server lists it and does not let us read it back. */
  | { readonly code: 'not-readable'; readonly status: number }
  /** What the server gives back is damaged, or compressed in a way that nothing here decodes. */
  | { readonly code: 'not-decodable' };

export type InstanceOutcome = 'stored' | 'already-there' | 'unverified' | 'failed' | 'pending';

export interface InstanceReport {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly outcome: InstanceOutcome;
  readonly reason: FailureReason | null;
  /** Warning Reason (0008,1196), four hex digits, e.g. B000: the server changed an attribute. */
  readonly warning: string | null;
  /** Whether this instance's own pixels were read back and compared; else the server lists it. */
  readonly pixelsCompared: boolean;
  readonly attempts: number;
}

export interface StoreReport {
  readonly sessionId: string;
  readonly studyInstanceUid: string;
  readonly target: string;
  /** `done` only when all `expected` instances are there and were verified. */
  readonly outcome: 'done' | 'incomplete' | 'cancelled';
  readonly expected: number;
  readonly stored: number;
  readonly alreadyThere: number;
  /** Listed by the server, which does not let us read the pixels back. */
  readonly unverified: number;
  readonly failed: number;
  /** Not sent yet; a retry sends them from the journal. */
  readonly pending: number;
  /** Never produced by what feeds us. */
  readonly notProduced: number;
  readonly bytesSent: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** What a person is told; null when done. */
  readonly notice: Fault | null;
  readonly instances: readonly InstanceReport[];
}

const OUTCOME: { readonly [state in JournalEntry['state']]: InstanceOutcome } = {
  pending: 'pending',
  sending: 'pending',
  unconfirmed: 'pending',
  accepted: 'unverified',
  existing: 'unverified',
  stored: 'stored',
  present: 'already-there',
  mismatch: 'failed',
  failed: 'failed',
};

export interface ReportFacts {
  readonly session: JournalSession;
  readonly entries: readonly JournalEntry[];
  readonly compared: ReadonlySet<string>;
  readonly cancelled: boolean;
  /** What stopped the session, when something did. */
  readonly stoppedBy: Fault | null;
  readonly target: string;
  readonly bytesSent: number;
  readonly finishedAt: string;
}

/** Every expected instance is there and was verified, and nothing else is open. There may be more: a slice that came to the source since. */
export function isWhole(entries: readonly JournalEntry[], expected: number): boolean {
  return (
    entries.length >= expected && entries.every(({ state }) => state === 'stored' || state === 'present')
  );
}

export function makeReport(facts: ReportFacts): StoreReport {
  const instances = facts.entries.map((entry): InstanceReport => ({
    sopInstanceUid: entry.sopInstanceUid,
    seriesInstanceUid: entry.seriesInstanceUid,
    outcome: OUTCOME[entry.state],
    reason: entry.reason ?? null,
    warning: entry.warning ?? null,
    pixelsCompared: facts.compared.has(entry.sopInstanceUid),
    attempts: entry.attempts,
  }));
  const count = (outcome: InstanceOutcome) =>
    instances.filter(instance => instance.outcome === outcome).length;
  const { expected } = facts.session;
  const stored = count('stored');
  const alreadyThere = count('already-there');
  const done = isWhole(facts.entries, expected);
  const outcome = done ? 'done' : facts.cancelled ? 'cancelled' : 'incomplete';
  const mismatch = facts.entries.find(entry => entry.state === 'mismatch');
  const shortfall: Fault = {
    kind: 'fault',
    code: 'store-incomplete',
    stored: stored + alreadyThere,
    failed: expected - stored - alreadyThere,
  };
  return {
    sessionId: facts.session.id,
    studyInstanceUid: facts.session.studyInstanceUid,
    target: facts.target,
    outcome,
    expected,
    stored,
    alreadyThere,
    unverified: count('unverified'),
    failed: count('failed'),
    pending: count('pending'),
    notProduced: Math.max(0, expected - instances.length),
    bytesSent: facts.bytesSent,
    startedAt: facts.session.startedAt,
    finishedAt: facts.finishedAt,
    notice: done
      ? null
      : mismatch
        ? { kind: 'fault', code: 'store-mismatch', sopInstanceUid: mismatch.sopInstanceUid }
        : facts.cancelled
          ? { kind: 'fault', code: 'save-cancelled', what: 'store' }
          : (facts.stoppedBy ?? shortfall),
    instances,
  };
}

/** One plain sentence. */
export function describeReason(reason: FailureReason): string {
  switch (reason.code) {
    case 'failure-reason':
      return `The server refused it with Failure Reason ${reason.value} (${meaningOf(reason.value)}).`;
    case 'refused':
      return `The server refused it (HTTP ${reason.status}) and gave no reason.`;
    case 'too-large':
      return `The server takes no request of ${reason.bytes} bytes.`;
    case 'server-full':
      return 'The server is out of space or other resources.';
    case 'server-error':
      return `The server failed (HTTP ${reason.status}) at every attempt.`;
    case 'unreachable':
      return 'The connection broke at every attempt.';
    case 'missing-after-store':
      return 'The server said it was stored, and does not list it.';
    case 'other-pixels':
      return 'The server holds other pixels under the same SOP Instance UID.';
    case 'not-readable':
      return `The server lists it and does not let it be read back (HTTP ${reason.status}).`;
    case 'not-decodable':
      return 'The server lists it, and what it gives back for it cannot be decoded.';
  }
}

/** PS3.18 table 10.5.3-2, PS3.7 annex C. */
function meaningOf(value: string): string {
  if (value.startsWith('A7')) return 'out of resources';
  if (value.startsWith('A9')) return 'the data set does not match its SOP class';
  if (value.startsWith('C')) return 'the server cannot understand the data set';
  const named: Record<string, string> = {
    '0110': 'processing failure',
    '0111': 'duplicate SOP instance',
    '0117': 'invalid SOP instance',
    '0122': 'SOP class not supported',
    '0124': 'not authorised',
    '0213': 'resource limitation',
    '0272': 'referenced transfer syntax not supported',
  };
  return named[value] ?? 'see PS3.7 annex C';
}
