import type { StoreProgress, StoreReport } from '../../src/store';
import type { Fault } from '../../src/notices';
import type { Run } from '../session/run';
import type { Saver, SaveState } from '../session/saver';
import { Box, Button, duration, megabytes, NoticeBox, percent, ProgressBar, Section, slices } from './parts';

interface Props {
  readonly saver: Saver;
  readonly run: Run | null;
  readonly onSave: (target: 'zip' | 'folder' | 'store') => void;
}

/** The series out of the browser: a file, a folder, the archive. */
export function SaveSection({ saver, run, onSave }: Props) {
  const own = run !== null && saver.subject?.run === run;
  const complete = run?.snapshot.state === 'done' && run.failed.size === 0;
  const disabled = !complete || saver.busy;
  return (
    <>
      {run ? (
        <Section id="save" title="Save" aside={`at ${percent(run.strength)}`}>
          {complete ? null : (
            <div className="iscl-muted iscl-small">Possible once all slices are denoised.</div>
          )}
          <Button
            cy="iscl-store"
            className="wide"
            disabled={disabled || !saver.server}
            title={
              saver.server ? 'Send the derived series to the archive' : 'The active data source cannot store'
            }
            onClick={() => onSave('store')}
          >
            Store to PACS
          </Button>
          <div className="iscl-row">
            <Button cy="iscl-zip" className="grow" disabled={disabled} onClick={() => onSave('zip')}>
              Download ZIP
            </Button>
            {'showDirectoryPicker' in window ? (
              <Button cy="iscl-folder" className="grow" disabled={disabled} onClick={() => onSave('folder')}>
                Save to folder
              </Button>
            ) : null}
          </div>
          {own ? <Outcome saver={saver} /> : null}
        </Section>
      ) : null}
      {own || saver.state.kind === 'idle' ? null : (
        <Section id="saving" title="Save of another series">
          <Outcome saver={saver} />
        </Section>
      )}
      <Unfinished saver={saver} />
    </>
  );
}

/** How far saving has come, or what became of it, and of what: the strength may have been moved since. */
function Outcome({ saver }: { saver: Saver }) {
  const { state, subject } = saver;
  return (
    <div ref={intoView} key={state.kind} className="iscl-body-rows">
      {state.kind === 'idle' ? null : <div className="iscl-small iscl-muted">{subject?.label}</div>}
      <State state={state} saver={saver} />
    </div>
  );
}

/** A result that appears below the panel's edge would go unseen. */
function intoView(element: HTMLElement | null): void {
  if (element?.firstChild) element.scrollIntoView({ block: 'nearest' });
}

function State({ state, saver }: { state: SaveState; saver: Saver }) {
  switch (state.kind) {
    case 'idle':
      return null;
    case 'working':
      return (
        <div data-cy="iscl-save-progress">
          <ProgressBar
            fraction={state.total === 0 ? null : state.done / state.total}
            label="Saving"
            text={`${state.done} of ${slices(state.total)}`}
          />
          <div className="iscl-row spread iscl-small">
            <span>{state.store ? storing(state.store) : `${state.done} of ${slices(state.total)}`}</span>
            <button
              type="button"
              className="iscl-link"
              data-cy="iscl-save-cancel"
              onClick={() => saver.cancel()}
            >
              Cancel
            </button>
          </div>
        </div>
      );
    case 'zipped':
      return (
        <Box tone="success" cy="iscl-saved">
          <span>
            {slices(state.files)} saved in {state.name} ({megabytes(state.bytes)}).
          </span>
        </Box>
      );
    case 'written':
      return state.report.notice ? (
        <NoticeBox notice={state.report.notice} />
      ) : (
        <Box tone="success" cy="iscl-saved">
          <span>
            {slices(state.report.written + state.report.alreadyThere)} written to “{state.folder}” and read
            back.
          </span>
        </Box>
      );
    case 'stored':
      return <Report report={state.report} reasons={state.reasons} />;
    case 'failed':
      return (
        <NoticeBox notice={state.notice} tone={state.notice.code === 'save-cancelled' ? 'info' : 'error'} />
      );
  }
}

function storing({ state, hold, there, expected, secondsLeft }: StoreProgress): string {
  if (hold === 'waiting') return 'The server does not answer; trying again';
  if (hold === 'authorising') return 'Logging in again';
  const left = secondsLeft === null ? '' : `, ${duration(secondsLeft)} left`;
  return `${there} of ${expected} in the archive${left}${state === 'verifying' ? ', reading back' : ''}`;
}

const STORE_CANCELLED: Fault = { kind: 'fault', code: 'save-cancelled', what: 'store' };

function Report({ report, reasons }: { report: StoreReport; reasons: readonly string[] }) {
  const there = report.stored + report.alreadyThere + report.unverified;
  const compared = report.instances.filter(({ pixelsCompared }) => pixelsCompared).length;
  const cancelled = report.outcome === 'cancelled';
  // The report's own notice speaks of denoising.
  const notice = cancelled && report.notice?.code === 'cancelled' ? STORE_CANCELLED : report.notice;
  return (
    <>
      {report.outcome === 'done' ? (
        <Box tone="success" cy="iscl-saved">
          <span>
            {slices(there)} in the archive
            {report.alreadyThere > 0 ? ` (${report.alreadyThere} were there)` : ''}; pixels of{' '}
            {compared === there ? 'all' : compared} read back and compared.
          </span>
        </Box>
      ) : null}
      {notice ? <NoticeBox notice={notice} tone={cancelled ? 'info' : 'error'} /> : null}
      {report.outcome === 'done' ? null : (
        <div className="iscl-small iscl-muted" data-cy="iscl-store-report">
          {there} of {report.expected} in the archive, {report.failed} failed,{' '}
          {report.pending + report.notProduced} not sent.
          {reasons.map(reason => (
            <div key={reason}>{reason}</div>
          ))}
        </div>
      )}
    </>
  );
}

/** Stores that were cut off: by a reload, a crash, a lost connection. */
function Unfinished({ saver }: { saver: Saver }) {
  if (saver.unfinished.length === 0 || saver.busy) return null;
  return (
    <Section id="unfinished" title="Unfinished stores">
      {saver.unfinished.map(session => (
        <div key={session.id}>
          <div className="iscl-small">
            {session.label || 'Series'}, {slices(session.expected)},{' '}
            {new Date(session.startedAt).toLocaleString()}
          </div>
          <div className="iscl-row">
            <Button
              cy="iscl-store-resume"
              disabled={!saver.server}
              onClick={() => void saver.resume(session.id)}
            >
              Resume
            </Button>
            <Button cy="iscl-store-discard" onClick={() => void saver.discard(session.id)}>
              Discard
            </Button>
          </div>
        </div>
      ))}
    </Section>
  );
}
