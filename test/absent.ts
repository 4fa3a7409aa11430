/**
 * `reason`, why something a test needs is not on this machine (null: it is there), for the test to be skipped with it. In CI, whose script
 * installs everything, it throws instead: a check that silently no longer runs is worse than one that fails.
 */
export function absentHere(reason: string | null): string | null {
  if (reason && process.env['CI']) throw new Error(reason);
  return reason;
}
