import { useSyncExternalStore, type KeyboardEvent } from 'react';
import { VERSION } from '../id';
import type { SessionHolder } from '../session/holder';
import type { Session } from '../session/session';
import { GuardSection } from './GuardSection';
import { ModelSection } from './ModelSection';
import { NoiseSection } from './NoiseSection';
import { ResidualSection } from './ResidualSection';
import { RoiSection } from './RoiSection';
import { RunSection } from './RunSection';
import { SaveSection } from './SaveSection';
import type { RunCommand } from './run-command';
import { STYLES } from './styles';
import { ViewSection } from './ViewSection';

/** The Denoise panel: everything about the series of the active viewport. */
export function DenoisePanel({ holder, run }: { holder: SessionHolder; run: RunCommand }) {
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

/** Reads snapshots and runs commands; calls nothing else of the session. */
function Content({ session, run }: { session: Pick<Session, 'subscribe' | 'snapshot'>; run: RunCommand }) {
  const { stage, series, save, queue, regions, model } = useSyncExternalStore(
    session.subscribe,
    () => session.snapshot,
  );
  const denoised = series?.run ?? null;
  const storedShown = series?.stored.some(({ shown }) => shown) ?? false;
  return (
    <>
      {series ? (
        <RunSection series={series} queue={queue} run={run} />
      ) : (
        <p className="iscl-label iscl-muted">Open a CT series in a viewport to denoise it.</p>
      )}
      <ModelSection model={model} info={denoised?.job.engine ?? null} verdict={series?.verdict ?? null} />
      {denoised || storedShown ? (
        <ViewSection stage={stage} denoised={denoised} save={save} run={run} />
      ) : null}
      {denoised ? <NoiseSection report={denoised.guard.report} run={run} /> : null}
      <SaveSection save={save} denoised={denoised} run={run} />
      {denoised || storedShown ? <RoiSection results={regions} /> : null}
      {denoised ? <GuardSection guard={denoised.guard} run={run} /> : null}
      {denoised ? <ResidualSection denoised={denoised} /> : null}
      <p className="iscl-label">For research; not for diagnostic use. ISCL CT Denoise {VERSION}.</p>
    </>
  );
}
