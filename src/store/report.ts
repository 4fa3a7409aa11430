import type { Fault } from '../notices';
import type { FailureReason } from './failure-reason';
import type { JournalEntry, JournalSession } from './journal';

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
export function isComplete(entries: readonly JournalEntry[], expected: number): boolean {
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
  const done = isComplete(facts.entries, expected);
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
