import { STAGES, type StageId } from '../getHangingProtocolModule';
import type { OpenRun, Session } from '../session/session';
import { Button, Section } from './parts';

const NAMES: Readonly<Record<StageId, { label: string; title: string }>> = {
  single: { label: 'Single', title: 'One viewport' },
  compare: { label: 'Compare', title: 'Original and denoised, same slice, zoom and window' },
  review: { label: 'Review', title: 'Original, denoised, and what was removed' },
};

/** How the series is shown, and how strongly it is denoised. */
export function ViewSection({
  session,
  open,
  onClose,
}: {
  session: Session;
  open: OpenRun;
  onClose: () => void;
}) {
  const percent = Math.round(open.run.strength * 100);
  return (
    <>
      <Section id="view" title="Compare">
        <div className="iscl-row" role="group" aria-label="Layout">
          {STAGES.map(stage => (
            <Button
              key={stage}
              cy={`iscl-stage-${stage}`}
              className="grow"
              pressed={session.stage === stage}
              title={NAMES[stage].title}
              onClick={() => session.setStage(stage)}
            >
              {NAMES[stage].label}
            </Button>
          ))}
        </div>
        <div className="iscl-row spread iscl-small">
          <button
            type="button"
            className="iscl-link"
            data-cy="iscl-toggle"
            title="Original or denoised, in the active viewport"
            onClick={() => session.toggleOriginal()}
          >
            Swap original and denoised (O)
          </button>
          <button
            type="button"
            className="iscl-link"
            data-cy="iscl-close"
            title="Close the denoised series; what is not saved is lost"
            onClick={onClose}
          >
            Close
          </button>
        </div>
      </Section>
      <Section id="strength" title="Strength" aside={<span data-cy="iscl-strength-value">{percent} %</span>}>
        <input
          type="range"
          className="iscl-slider"
          data-cy="iscl-strength-slider"
          aria-label="Strength of denoising, percent"
          min={0}
          max={100}
          step={1}
          value={percent}
          onChange={event => session.setStrength(Number(event.target.value) / 100)}
          // OHIF's hotkeys move through slices with the arrows.
          onKeyDown={event => event.stopPropagation()}
        />
        <div className="iscl-row spread iscl-muted iscl-small" aria-hidden>
          <span>Original</span>
          <span>Full</span>
        </div>
      </Section>
    </>
  );
}
