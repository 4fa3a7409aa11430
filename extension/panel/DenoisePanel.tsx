import { useSyncExternalStore, type KeyboardEvent } from 'react';
import { VERSION } from '../id';
import type { SessionHolder } from '../session/holder';
import type { Session } from '../session/session';
import { ModelSection } from './ModelSection';
import { QualitySection } from './QualitySection';
import { RoiSection } from './RoiSection';
import { RunSection } from './RunSection';
import { SaveSection } from './SaveSection';
import { STYLES } from './styles';
import { ViewSection } from './ViewSection';

interface Props {
  readonly holder: SessionHolder;
  /** Runs a command of this extension, which tells the user what goes wrong. */
  readonly run: (command: string, options?: Record<string, unknown>) => void;
}

/** The Denoise panel: everything about the series of the active viewport. */
export function DenoisePanel({ holder, run }: Props) {
  const session = useSyncExternalStore(holder.subscribe, () => holder.current);
  return (
    <div className="iscl-panel" data-cy="iscl-panel" onKeyDown={keepFromHotkeys}>
      <style>{STYLES}</style>
      {session ? <Content session={session} run={run} /> : null}
    </div>
  );
}

/** Keys that work a control of the panel; OHIF's hotkeys would also reset the viewport (space) or move through slices (arrows). */
const CONTROL_KEYS: readonly string[] = [
  ' ',
  'Enter',
  'ArrowLeft',
  'ArrowRight',
  'ArrowUp',
  'ArrowDown',
  'Home',
  'End',
  'PageUp',
  'PageDown',
];

function keepFromHotkeys(event: KeyboardEvent): void {
  if (CONTROL_KEYS.includes(event.key)) event.stopPropagation();
}

function Content({ session, run }: { session: Session; run: Props['run'] }) {
  useSyncExternalStore(session.subscribe, () => session.version);
  const active = session.active();
  const open = active?.open ?? null;
  return (
    <>
      {active ? (
        <RunSection session={session} active={active} onDenoise={() => run('denoiseSeries')} />
      ) : (
        <p className="iscl-label iscl-muted">Open a CT series in a viewport to denoise it.</p>
      )}
      {open ? <ViewSection session={session} open={open} onClose={() => run('closeDenoisedSeries')} /> : null}
      <SaveSection
        saver={session.saver}
        run={open?.run ?? null}
        onSave={target =>
          target === 'store' ? run('storeDenoisedSeries') : run('saveDenoisedSeries', { target })
        }
      />
      {open ? <RoiSection results={session.regions.results} /> : null}
      {open ? <QualitySection run={open.run} /> : null}
      <ModelSection
        session={session}
        info={open?.run.snapshot.engine ?? null}
        verdict={active?.verdict ?? null}
      />
      <p className="iscl-label">For research; not for diagnostic use. ISCL CT Denoise {VERSION}.</p>
    </>
  );
}
