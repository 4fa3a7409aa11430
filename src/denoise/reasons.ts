import { DenoiseError, type Fault, type Refusal } from '../notices';
import { SliceUnavailable } from './read-ahead';

/** Carries all reasons of a refusal to where the run ends. */
export class SeriesRefused extends Error {
  override readonly name = 'SeriesRefused';
  constructor(readonly reasons: readonly Refusal[]) {
    super(reasons.map(reason => reason.code).join(', '));
  }
}

/** Why a run ended, for the snapshot. What is neither a fault nor a refusal is a mistake of ours, and is told as such. */
export function reasonsOf(error: unknown): readonly [Fault | Refusal, ...(Fault | Refusal)[]] {
  if (error instanceof SeriesRefused) return error.reasons as readonly [Refusal, ...Refusal[]];
  if (error instanceof DenoiseError) return [error.notice];
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [{ kind: 'fault', code: 'internal', detail }];
}

/**
 * What became of a slice whose pixels, or those of a neighbour that the model reads with it, did not come.
 * @param error of ReadAhead
 * @param index the slice that is lost by it
 */
export function unavailableFault(error: unknown, index: number, uidOf: (index: number) => string): Fault {
  if (!(error instanceof SliceUnavailable)) return sourceFault(uidOf(index), error);
  const sopInstanceUid = uidOf(error.index);
  const fault = sourceFault(sopInstanceUid, error.cause);
  if (error.index === index) return fault;
  const status = 'status' in fault && fault.status !== undefined ? { status: fault.status } : {};
  const detail = fault.detail ?? fault.code;
  return { kind: 'fault', code: 'neighbour-unavailable', sopInstanceUid, ...status, detail };
}

function sourceFault(sopInstanceUid: string, error: unknown): Fault {
  if (error instanceof DenoiseError && error.notice.kind === 'fault') return error.notice;
  const detail = error instanceof Error ? error.message : String(error);
  return { kind: 'fault', code: 'source-unavailable', sopInstanceUid, detail };
}
