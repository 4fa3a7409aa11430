import type { Session } from './session';

/** The session of the mode that is open; null between modes. One for all modules of the extension. */
export class SessionHolder {
  private session: Session | null = null;
  private readonly listeners = new Set<() => void>();

  get current(): Session | null {
    return this.session;
  }

  /** Takes a new session, or none; the one before is disposed of. */
  replace(session: Session | null): void {
    void this.session?.dispose();
    this.session = session;
    this.listeners.forEach(listener => listener());
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}
