import type { JobSnapshot } from '../../src/denoise';
import type { PrepareProgress } from '../../src/engine';
import type { ActiveSeries, Session } from '../session/session';
import { instancesOf } from '../session/source';
import {
  Announcement,
  Box,
  Button,
  duration,
  megabytes,
  NoticeBox,
  pace,
  ProgressBar,
  RepairBox,
  Section,
  slices,
  Warnings,
} from './parts';

/** The series at hand: what it is, whether it may be denoised, and how far that has come. */
export function RunSection({
  session,
  active,
  onDenoise,
}: {
  session: Session;
  active: ActiveSeries;
  onDenoise: () => void;
}) {
  const { verdict, open } = active;
  const source = open?.run.source.displaySet ?? active.displaySet;
  const [first] = instancesOf(source);
  const snapshot = open?.run.snapshot ?? null;
  const size = first ? `${String(first['Columns'])} × ${String(first['Rows'])}` : '';
  return (
    <Section id="series" title="Series">
      <Announcement text={snapshot ? announcement(snapshot) : ''} />
      <div>
        <div className="iscl-title">{source.SeriesDescription || 'Unnamed series'}</div>
        <div className="iscl-muted iscl-small">
          {[source.Modality, slices(instancesOf(source).length), size].filter(Boolean).join(', ')}
        </div>
      </div>
      {verdict.kind === 'refused' ? (
        verdict.reasons.map(reason => <NoticeBox key={JSON.stringify(reason)} notice={reason} tone="info" />)
      ) : (
        <>
          <Warnings warnings={verdict.warnings} />
          {snapshot ? <Progress snapshot={snapshot} /> : null}
          {open?.run.repair ? <RepairBox {...open.run.repair} /> : null}
          {open && open.run.failed.size > 0 ? (
            <Box tone="warning" cy="iscl-failed-slices">
              <span>{slices(open.run.failed.size)} could not be denoised; all others are complete.</span>
            </Box>
          ) : null}
          <Controls session={session} active={active} snapshot={snapshot} onDenoise={onDenoise} />
        </>
      )}
    </Section>
  );
}

function Progress({ snapshot }: { snapshot: JobSnapshot }) {
  const { state, progress, reasons, preparing } = snapshot;
  const { done, total, msPerSlice, secondsLeft } = progress;
  if (state === 'failed')
    return reasons.map(reason => <NoticeBox key={JSON.stringify(reason)} notice={reason} />);
  if (state === 'checking' || state === 'loading' || state === 'testing') {
    const { text, fraction } = preparation(preparing);
    return (
      <div data-cy="iscl-preparing">
        <ProgressBar fraction={fraction} label="Preparing" text={text} />
        <div className="iscl-muted iscl-small">{text}</div>
      </div>
    );
  }
  const speed = msPerSlice === null ? '' : pace(msPerSlice);
  const left = secondsLeft === null || state !== 'running' ? '' : `${duration(secondsLeft)} left`;
  const word = { done: 'Done', cancelled: 'Cancelled', paused: 'Paused' }[state as string];
  return (
    <div data-cy="iscl-progress" data-state={state} data-done={done} data-total={total}>
      <ProgressBar
        fraction={total === 0 ? 0 : done / total}
        label="Denoising"
        text={`${done} of ${slices(total)}`}
      />
      <div className="iscl-row spread iscl-small">
        <span>
          {word ? `${word}: ` : ''}
          {done} of {slices(total)}
        </span>
        <span className="iscl-muted">{[speed, left].filter(Boolean).join(', ')}</span>
      </div>
      {state === 'cancelled' ? (
        <div className="iscl-muted iscl-small">The denoised slices are kept. Continue does the rest.</div>
      ) : null}
    </div>
  );
}

const PROVIDERS = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'processor' } as const;

/** What a screen reader is told of a run: its turns, not every slice. */
function announcement({ state, progress: { done, failed, total } }: JobSnapshot): string {
  switch (state) {
    case 'checking':
    case 'loading':
    case 'testing':
      return 'Preparing to denoise';
    case 'running':
      return `Denoising ${slices(total)}`;
    case 'paused':
      return `Paused, ${done} of ${slices(total)} denoised`;
    case 'cancelled':
      return `Cancelled, ${done} of ${slices(total)} denoised`;
    case 'done':
      return failed > 0 ? `Done, ${slices(failed)} could not be denoised` : `All ${slices(total)} denoised`;
    default:
      return '';
  }
}

function preparation(preparing: PrepareProgress | null): { text: string; fraction: number | null } {
  switch (preparing?.step) {
    case 'download': {
      const { loadedBytes, totalBytes } = preparing;
      const fraction = totalBytes > 0 ? loadedBytes / totalBytes : null;
      return { text: `Model: ${megabytes(loadedBytes)} of ${megabytes(totalBytes)}`, fraction };
    }
    case 'load':
      return { text: `Loading the model (${PROVIDERS[preparing.provider]})`, fraction: null };
    case 'self-test':
      return { text: `Checking the model's results (${PROVIDERS[preparing.provider]})`, fraction: null };
    case 'warm-up':
      return { text: 'First run: the graphics card compiles the model', fraction: null };
    default:
      return { text: 'Preparing', fraction: null };
  }
}

function Controls(props: {
  session: Session;
  active: ActiveSeries;
  snapshot: JobSnapshot | null;
  onDenoise: () => void;
}) {
  const { session, active, snapshot, onDenoise } = props;
  const state = snapshot?.state ?? 'idle';
  const busy = ['checking', 'loading', 'testing', 'running'].includes(state);
  const again = state === 'done' && (active.open?.run.failed.size ?? 0) > 0;
  if (busy || state === 'paused') {
    return (
      <div className="iscl-row">
        {state === 'paused' ? (
          <Button cy="iscl-resume" className="primary grow" onClick={onDenoise}>
            Resume
          </Button>
        ) : (
          <Button
            cy="iscl-pause"
            className="grow"
            disabled={state !== 'running'}
            onClick={() => session.pause()}
          >
            Pause
          </Button>
        )}
        <Button cy="iscl-cancel" className="grow" onClick={() => session.cancel()}>
          Cancel
        </Button>
      </div>
    );
  }
  if (state === 'done' && !again) return null;
  const words = { cancelled: 'Continue', failed: 'Try again', done: 'Retry the failed slices' };
  return (
    <Button cy="iscl-denoise" className="primary wide" title="Shift+D" onClick={onDenoise}>
      {words[state as keyof typeof words] ?? 'Denoise'}
    </Button>
  );
}
