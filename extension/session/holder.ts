import type { Session } from './session';

/** The session of the mode that is open; null between modes. One object shared by the extension's modules. */
export interface SessionHolder {
  current: Session | null;
}
