import type { Fault, Refusal } from '../../src/notices';
import type { StoreProgress, StoreReport } from '../../src/store';
import type { SaveState, UnfinishedStore } from '../session/save-state';
import type { RunSnapshot, SaveSnapshot } from '../session/snapshot';
import type { RunCommand } from './run-command';
import { Box, Button, duration, megabytes, NoticeBox, percent, ProgressBar, Section, slices } from './parts';

/** The series out of the browser: a file, a folder, the archive. */
export function SaveSection({
  save,
  denoised,
  run,
}: {
  save: SaveSnapshot;
  denoised: RunSnapshot | null;
  run: RunCommand;
}) {
  const { own, canStore } = save;
  const busy = save.state.kind === 'working';
  const complete = denoised?.job.state === 'done' && denoised.job.progress.failed === 0;
  const nothing = denoised?.strength === 0;
  const disabled = !complete || busy || nothing;
  return (
    <>
      {denoised ? (
        <Section id="save" title="Save" aside={`at ${percent(denoised.strength)}`}>
          {complete ? null : (
            <div className="iscl-muted iscl-small">Possible once all slices are denoised.</div>
          )}
          {complete && nothing ? (
            <div className="iscl-muted iscl-small">At 0 % nothing is removed: there is nothing to save.</div>
          ) : null}
          <Button
            cy="iscl-store"
            className="wide"
            disabled={disabled || !canStore}
            title={
              canStore ? 'Send the derived series to the archive' : 'The active data source cannot store'
            }
            onClick={() => run('storeDenoisedSeries')}
          >
            Store to PACS
          </Button>
          <div className="iscl-row">
            <Button
              cy="iscl-zip"
              className="grow"
              disabled={disabled}
              onClick={() => run('saveDenoisedSeries', { target: 'zip' })}
            >
              Download ZIP
            </Button>
            {'showDirectoryPicker' in window ? (
              <Button
                cy="iscl-folder"
                className="grow"
                disabled={disabled}
                onClick={() => run('saveDenoisedSeries', { target: 'folder' })}
              >
                Save to folder
              </Button>
            ) : null}
          </div>
          {own ? <Outcome save={save} run={run} /> : null}
        </Section>
      ) : null}
      {own || save.state.kind === 'idle' ? null : (
        <Section id="saving" title="Save of another series">
          <Outcome save={save} run={run} />
        </Section>
      )}
      <Unfinished save={save} run={run} />
    </>
  );
}

/** How far saving has come, or what became of it, and of what: the strength may have been moved since. */
function Outcome({ save, run }: { save: SaveSnapshot; run: RunCommand }) {
  const { state, label, bare } = save;
  return (
    <div ref={intoView} key={state.kind} className="iscl-body-rows">
      {state.kind === 'idle' ? null : (
        <div className="iscl-row spread iscl-small">
          <span className="iscl-muted">{label}</span>
          {state.kind === 'working' ? null : (
            <button
              type="button"
              className="iscl-link"
              data-cy="iscl-save-dismiss"
              onClick={() => run('dismissDenoisedSave')}
            >
              Dismiss
            </button>
          )}
        </div>
      )}
      <State state={state} kept={save.resumed ? keptOfResumed(save.unfinished) : undefined} run={run} />
      {bare !== null && ['zipped', 'written', 'stored'].includes(state.kind) ? (
        <Box tone="warning" cy="iscl-save-bare">
          <span>
            The original’s files could not be had: {bare}. The saved files hold what the viewer knows of their
            headers; private attributes, overlays and bulk data are missing.
          </span>
        </Box>
      ) : null}
    </div>
  );
}

/** After a reload the denoised slices are gone; the journal is all there is. */
function keptOfResumed(unfinished: SaveSnapshot['unfinished']): string {
  return unfinished.length > 0
    ? 'What waits to be sent is kept in this browser, and images already stored stay stored.'
    : 'Images already stored stay stored.';
}

/** A result that appears below the panel's edge would go unseen. */
function intoView(element: HTMLElement | null): void {
  if (element?.firstChild) element.scrollIntoView({ block: 'nearest' });
}

function State({ state, kept, run }: { state: SaveState; kept: string | undefined; run: RunCommand }) {
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
              onClick={() => run('cancelDenoisedSave')}
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
        <SaveNotice notice={state.report.notice} kept={kept} />
      ) : (
        <Box tone="success" cy="iscl-saved">
          <span>
            {slices(state.report.written + state.report.alreadyThere)} written to “{state.folder}” and read
            back.
          </span>
        </Box>
      );
    case 'stored':
      return <Report report={state.report} reasons={state.reasons} kept={kept} />;
    case 'failed':
      return <SaveNotice notice={state.notice} kept={kept} />;
  }
}

function storing({ state, hold, inArchive, expected, secondsLeft }: StoreProgress): string {
  if (hold === 'waiting') return 'The server does not answer; trying again';
  const left = secondsLeft === null ? '' : `, ${duration(secondsLeft)} left`;
  return `${inArchive} of ${expected} in the archive${left}${state === 'verifying' ? ', reading back' : ''}`;
}

/** What the user has cancelled is no error. */
function SaveNotice({ notice, kept }: { notice: Fault | Refusal; kept: string | undefined }) {
  const tone = notice.code === 'save-cancelled' ? 'info' : 'error';
  return <NoticeBox notice={notice} tone={tone} {...(kept === undefined ? {} : { kept })} />;
}

function Report({
  report,
  reasons,
  kept,
}: {
  report: StoreReport;
  reasons: readonly string[];
  kept: string | undefined;
}) {
  const inArchive = report.stored + report.alreadyThere + report.unverified;
  const compared = report.instances.filter(({ pixelsCompared }) => pixelsCompared).length;
  return (
    <>
      {report.outcome === 'done' ? (
        <Box tone="success" cy="iscl-saved">
          <span>
            {slices(inArchive)} in the archive
            {report.alreadyThere > 0 ? ` (${report.alreadyThere} were there)` : ''}; pixels of{' '}
            {compared === inArchive ? 'all' : compared} read back and compared.
          </span>
        </Box>
      ) : null}
      {report.notice ? <SaveNotice notice={report.notice} kept={kept} /> : null}
      {report.outcome === 'done' ? null : (
        <div className="iscl-small iscl-muted" data-cy="iscl-store-report">
          {inArchive} of {report.expected} in the archive, {report.failed} failed,{' '}
          {report.pending + report.notProduced} not sent.
          {reasons.map(reason => (
            <div key={reason}>{reason}</div>
          ))}
        </div>
      )}
    </>
  );
}

/** What Resume would send, what Discard would delete, and what neither can bring back. */
function whatIsKept({ expected, kept, inArchive }: UnfinishedStore): string {
  const missing = expected - kept - inArchive;
  return [
    kept > 0
      ? `${slices(kept)} kept in this browser: Resume sends them, Discard deletes them.`
      : 'No slices are kept in this browser: Resume only looks at what the archive has.',
    inArchive > 0 ? `${slices(inArchive)} in the archive: they stay there.` : '',
    missing > 0
      ? `${slices(missing)} neither here nor known to be in the archive: denoise and store again.`
      : '',
  ]
    .filter(Boolean)
    .join(' ');
}

/** Stores that were cut off: by a reload, a crash, a lost connection. */
function Unfinished({ save, run }: { save: SaveSnapshot; run: RunCommand }) {
  if (save.unfinished.length === 0 || save.state.kind === 'working') return null;
  return (
    <Section id="unfinished" title="Unfinished stores">
      {save.unfinished.map(session => (
        <div key={session.id}>
          <div className="iscl-small">
            {session.label || 'Series'}, {slices(session.expected)},{' '}
            {new Date(session.startedAt).toLocaleString()}
          </div>
          <div className="iscl-small iscl-muted" data-cy="iscl-unfinished-kept">
            {whatIsKept(session)}
          </div>
          <div className="iscl-row">
            <Button
              cy="iscl-store-resume"
              disabled={!save.canStore}
              onClick={() => run('resumeDenoisedStore', { sessionId: session.id })}
            >
              Resume
            </Button>
            <Button
              cy="iscl-store-discard"
              onClick={() => run('discardDenoisedStore', { sessionId: session.id })}
            >
              Discard
            </Button>
          </div>
        </div>
      ))}
    </Section>
  );
}
