import { useSyncExternalStore } from 'react';
import type { SessionHolder } from '../session/holder';

export function DenoisePanel({ holder }: { holder: SessionHolder }) {
  const session = holder.current;
  const version = useSyncExternalStore(
    listener => session?.subscribe(listener) ?? (() => undefined),
    () => session?.version ?? 0,
  );
  const snapshot = session?.active()?.open?.run.snapshot;
  return (
    <pre style={{ color: 'white', fontSize: 10, overflow: 'auto', height: '100%' }} data-cy="iscl-panel">
      {version} {JSON.stringify({ card: session?.card?.id, fault: session?.cardFault, snapshot }, null, 1)}
    </pre>
  );
}
