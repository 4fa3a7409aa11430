/**
 * The reason to skip a test: something that it needs is absent from this machine (null: present). In CI, whose script installs everything, an
 * absence throws: a check that silently no longer runs is worse than one that fails.
 */
export function absentHere(reason: string | null): string | null {
  if (reason && process.env['CI']) throw new Error(reason);
  return reason;
}
