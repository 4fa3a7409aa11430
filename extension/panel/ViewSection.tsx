import { useEffect, useRef, useState } from 'react';
import type { RunSnapshot, SaveSnapshot } from '../session/snapshot';
import { STAGES, type StageId } from '../stages';
import type { RunCommand } from './run-command';
import { Box, Button, percent, Section } from './parts';

const NAMES: Readonly<Record<StageId, { label: string; title: string }>> = {
  single: { label: 'Single', title: 'One viewport' },
  compare: { label: 'Compare', title: 'Original and denoised, same slice, zoom and window' },
  review: { label: 'Review', title: 'Original, denoised, and what was removed' },
};

/** How the series is shown, and how strongly it is denoised; a stored series has its strength. */
export function ViewSection({
  stage: hung,
  denoised,
  save,
  run,
}: {
  stage: StageId | null;
  /** Null where the denoised series is a stored one. */
  denoised: RunSnapshot | null;
  save: SaveSnapshot;
  run: RunCommand;
}) {
  const [closing, setClosing] = useState(false);
  const saving = save.own && save.state.kind === 'working';
  return (
    <>
      <Section id="view" title="Layout">
        <div className="iscl-row" role="group" aria-label="Layout">
          {STAGES.map(stage => (
            <Button
              key={stage}
              cy={`iscl-stage-${stage}`}
              className="grow"
              pressed={hung === stage}
              title={NAMES[stage].title}
              onClick={() => run('setDenoiseStage', { stage })}
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
            onClick={() => run('toggleDenoised')}
          >
            Swap original and denoised (O)
          </button>
          {denoised ? (
            <button
              type="button"
              className="iscl-link"
              data-cy="iscl-close"
              disabled={saving}
              aria-expanded={closing}
              title={saving ? 'It is being saved' : 'Close the denoised series'}
              onClick={() => setClosing(!closing)}
            >
              Close …
            </button>
          ) : null}
        </div>
        {denoised && closing && !saving ? (
          <Box tone="warning" cy="iscl-closing">
            <span>Close the denoised series? What is not saved is lost; the original stays.</span>
            <div className="iscl-row">
              <Button cy="iscl-close-confirm" onClick={() => run('closeDenoisedSeries')}>
                Close it
              </Button>
              <Button cy="iscl-close-keep" onClick={() => setClosing(false)}>
                Keep
              </Button>
            </div>
          </Box>
        ) : null}
      </Section>
      {denoised ? <StrengthSection strength={denoised.strength} run={run} /> : null}
    </>
  );
}

function StrengthSection({ strength, run }: { strength: number; run: RunCommand }) {
  const published = Math.round(strength * 100);
  // Of its own, because a snapshot comes with the next frame: keys pressed before it must add up, and one of a key before must not take a step back.
  const [value, setValue] = useState(published);
  const sent = useRef<number | null>(null);
  useEffect(() => {
    if (sent.current !== null && sent.current !== published) return;
    sent.current = null;
    setValue(published);
  }, [published]);
  return (
    <Section
      id="strength"
      title="Strength"
      aside={<span data-cy="iscl-strength-value">{percent(strength)}</span>}
    >
      <input
        type="range"
        className="iscl-slider"
        data-cy="iscl-strength-slider"
        aria-label="Strength of denoising"
        min={0}
        max={100}
        step={1}
        value={value}
        aria-valuetext={`${value} %`}
        onChange={event => {
          sent.current = Number(event.target.value);
          setValue(sent.current);
          run('setDenoiseStrength', { strength: Number(event.target.value) / 100 });
        }}
      />
      <div className="iscl-row spread iscl-muted iscl-small" aria-hidden>
        <span>Original</span>
        <span>Full</span>
      </div>
    </Section>
  );
}
