import { useState } from 'react';
import type { GuardReport } from '../../src/guard';
import { Button, hu, Section } from './parts';
import type { RunCommand } from './run-command';

/** Noise in soft tissue before and after, at the strength that is shown; and the strength by the noise or the detectability that is wanted. */
export function NoiseSection({ report, run }: { report: GuardReport | null; run: RunCommand }) {
  const [wanted, setWanted] = useState('');
  if (!report?.noise) return null;
  const { beforeHu, afterHu } = report.noise;
  const noiseHu = Number(wanted);
  const usable = wanted.trim() !== '' && noiseHu >= 0;
  const apply = () => usable && run('setDenoiseStrengthFor', { noiseHu });
  return (
    <Section
      id="noise"
      title="Noise in soft tissue"
      aside={
        <span data-cy="iscl-noise-value">
          {hu(beforeHu)} → {hu(afterHu)} HU
        </span>
      }
    >
      <form
        className="iscl-row"
        style={{ flexWrap: 'wrap' }}
        onSubmit={event => {
          event.preventDefault();
          apply();
        }}
      >
        <label className="iscl-row iscl-small">
          Wanted
          <input
            type="number"
            className="iscl-number"
            data-cy="iscl-noise-wanted"
            aria-label="Noise wanted in soft tissue, HU"
            min={0}
            step="any"
            value={wanted}
            placeholder={afterHu.toFixed(0)}
            onChange={event => setWanted(event.target.value)}
          />
          HU
        </label>
        <Button cy="iscl-noise-set" disabled={!usable} onClick={apply}>
          Set
        </Button>
        {report.level === null ? null : (
          <Button
            cy="iscl-detectability-set"
            title="Largest strength at which every known lesion is detected at least 95 % as well as in the original"
            onClick={() => run('setDenoiseStrengthFor', { detectability: 0.95 })}
          >
            Keep d' ≥ 0.95
          </Button>
        )}
      </form>
    </Section>
  );
}
