import type { JobSnapshot } from '../../src/denoise';
import type { PrepareProgress } from '../../src/engine';
import type { QueuedSnapshot, SeriesSnapshot, StoredSnapshot } from '../session/snapshot';
import type { RunCommand } from './run-command';
import {
  Announcement,
  Box,
  Button,
  duration,
  megabytes,
  NoticeBox,
  pace,
  percent,
  ProgressBar,
  RepairBox,
  Section,
  slices,
  Warnings,
} from './parts';

/** The active viewport's series: what it is, whether it may be denoised, and how far that has come. */
export function RunSection({
  series,
  queue,
  run,
}: {
  series: SeriesSnapshot;
  queue: readonly QueuedSnapshot[];
  run: RunCommand;
}) {
  const { verdict, matrix } = series;
  const job = series.run?.job ?? null;
  const waits = series.run?.waits ?? false;
  const size = matrix ? `${matrix.columns} × ${matrix.rows}` : '';
  return (
    <Section id="series" title="Series">
      <Announcement text={job ? announcement(job, waits) : ''} />
      <div>
        <div className="iscl-title">{series.description}</div>
        <div className="iscl-muted iscl-small">
          {[series.modality, slices(series.slices), size].filter(Boolean).join(', ')}
        </div>
      </div>
      <Stored stored={series.stored} run={run} />
      {verdict.kind === 'refused' ? (
        verdict.reasons.map(reason => <NoticeBox key={JSON.stringify(reason)} notice={reason} tone="info" />)
      ) : (
        <>
          <Warnings warnings={verdict.warnings} />
          {series.hasFiles ? null : (
            <Box tone="info" cy="iscl-no-files">
              <span>
                This data source gives no files. What its list does not state is unknown, and saved files will
                lack it: private attributes, and all that the list leaves out.
              </span>
            </Box>
          )}
          {job ? <Progress snapshot={job} waits={waits} /> : null}
          {series.run?.repair ? <RepairBox {...series.run.repair} /> : null}
          {job && job.progress.failed > 0 ? (
            <Box tone="warning" cy="iscl-failed-slices">
              <span>{slices(job.progress.failed)} could not be denoised; all others are complete.</span>
            </Box>
          ) : null}
          <Controls job={job} waits={waits} run={run} />
        </>
      )}
      <Queue queue={queue} />
    </Section>
  );
}

/** What is stored of this original already; and that it can be looked at without computing anything. */
function Stored({ stored, run }: { stored: readonly StoredSnapshot[]; run: RunCommand }) {
  if (stored.length === 0) return null;
  return (
    <Box tone="info" cy="iscl-stored">
      {stored.map(({ displaySetUid, strength, model, shown }) => (
        <div key={displaySetUid} className="iscl-row spread">
          <span>
            Already denoised, stored{strength === null ? '' : ` at ${percent(strength)}`}
            {model === null ? '' : ` with ${model}`}
          </span>
          {shown ? (
            <span className="iscl-muted iscl-small">shown</span>
          ) : (
            <button
              type="button"
              className="iscl-link"
              data-cy="iscl-stored-compare"
              title="Original and stored series side by side; nothing is computed"
              onClick={() =>
                run('setDenoiseStage', { stage: 'compare', displaySetInstanceUID: displaySetUid })
              }
            >
              Compare
            </button>
          )}
        </div>
      ))}
    </Box>
  );
}

function Progress({ snapshot, waits }: { snapshot: JobSnapshot; waits: boolean }) {
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
  const word = waits ? 'Waits' : { done: 'Done', cancelled: 'Cancelled', paused: 'Paused' }[state as string];
  return (
    <div data-cy="iscl-progress" data-state={waits ? 'waiting' : state} data-done={done} data-total={total}>
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

/** Which series is being denoised and which wait for it; nothing while there is only one. */
function Queue({ queue }: { queue: readonly QueuedSnapshot[] }) {
  if (queue.length < 2) return null;
  return (
    <ol className="iscl-queue iscl-small" data-cy="iscl-queue" aria-label="Series to denoise">
      {queue.map(({ displaySetUid, description, done, total }, place) => (
        <li key={displaySetUid}>
          <span className="iscl-name">{description}</span>
          <span className="iscl-muted">
            {place === 0 ? 'runs' : 'waits'}: {done} of {total}
          </span>
        </li>
      ))}
    </ol>
  );
}

const PROVIDERS = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'processor' } as const;

/** What a screen reader is told of a run: its turns, not every slice. */
function announcement({ state, progress: { done, failed, total } }: JobSnapshot, waits: boolean): string {
  if (waits) return `Waits for another series, ${done} of ${slices(total)} denoised`;
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

function Controls({ job, waits, run }: { job: JobSnapshot | null; waits: boolean; run: RunCommand }) {
  const state = job?.state ?? 'idle';
  switch (state) {
    case 'paused':
      return (
        <div className="iscl-row">
          <Button cy="iscl-resume" className="primary grow" onClick={() => run('denoiseSeries')}>
            {waits ? 'Denoise this one first' : 'Resume'}
          </Button>
          <Cancel run={run} />
        </div>
      );
    case 'checking':
    case 'loading':
    case 'testing':
    case 'running':
      return (
        <div className="iscl-row">
          <Button
            cy="iscl-pause"
            className="grow"
            disabled={state !== 'running'}
            onClick={() => run('pauseDenoise')}
          >
            Pause
          </Button>
          <Cancel run={run} />
        </div>
      );
    case 'idle':
      return <Start name="Denoise" run={run} />;
    case 'cancelled':
      return <Start name="Continue" run={run} />;
    case 'failed':
      return <Start name="Try again" run={run} />;
    case 'done':
      return job!.progress.failed > 0 ? <Start name="Retry the failed slices" run={run} /> : null;
  }
}

function Start({ name, run }: { name: string; run: RunCommand }) {
  return (
    <Button cy="iscl-denoise" className="primary wide" title="Shift+D" onClick={() => run('denoiseSeries')}>
      {name}
    </Button>
  );
}

function Cancel({ run }: { run: RunCommand }) {
  return (
    <Button cy="iscl-cancel" className="grow" onClick={() => run('cancelDenoise')}>
      Cancel
    </Button>
  );
}
