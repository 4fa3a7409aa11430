import type { GuardReport } from '../../src/guard';
import type { RunSnapshot } from '../session/snapshot';
import { Box, Button, NoticeBox, percent, Section } from './parts';
import type { RunCommand } from './run-command';

const WORDS = { green: 'Kept', amber: 'Look closer', red: 'Too much is lost' } as const;

/** What the model does to known faint lesions in this scan, at the strength that is shown. */
export function GuardSection({ guard, run }: { guard: RunSnapshot['guard']; run: RunCommand }) {
  const { state, report } = guard;
  const aside = report?.level ? WORDS[report.level] : undefined;
  return (
    <Section id="guard" title="Known lesions in this scan" {...(aside ? { aside } : {})}>
      {state.kind === 'waiting' ? <Muted text="Measured when all slices are denoised." /> : null}
      {state.kind === 'measuring' ? (
        <Muted text="Known lesions are put into the scan and measured …" />
      ) : null}
      {state.kind === 'failed' ? <NoticeBox notice={state.notice} tone="warning" /> : null}
      {report ? <Figures report={report} run={run} /> : null}
      {report ? (
        <div className="iscl-row spread iscl-small">
          {(['html', 'json'] as const).map(format => (
            <button
              key={format}
              type="button"
              className="iscl-link"
              data-cy={`iscl-report-${format}`}
              onClick={() => run('saveDenoiseReport', { format })}
            >
              {format === 'html' ? 'Quality report (to print)' : 'as JSON'}
            </button>
          ))}
        </div>
      ) : null}
    </Section>
  );
}

function Muted({ text }: { text: string }) {
  return <span className="iscl-muted iscl-small">{text}</span>;
}

function Figures({ report, run }: { report: GuardReport; run: RunCommand }) {
  const { lesions, level, keepingStrength, strength, findings, looks } = report;
  return (
    <>
      {findings.map(finding => (
        <NoticeBox key={finding.code + String('tissue' in finding && finding.tissue)} notice={finding} />
      ))}
      {level === null ? (
        <Box tone="warning" cy="iscl-guard-none">
          <span>
            No slice looked at has a uniform place that is large enough, so no lesion was measured. Compare
            with the original.
          </span>
        </Box>
      ) : (
        <table className="iscl-table" data-cy="iscl-guard-lesions">
          <caption>
            Balls added to uniform places of {looks.length} slices: share of their contrast that is kept (± SD
            over places), and how well an observer detects them, against the original.
          </caption>
          <thead>
            <tr>
              <th scope="col">Lesion</th>
              <th scope="col" title="Share of the contrast that is kept, mean of lighter and darker lesions">
                Contrast
              </th>
              <th
                scope="col"
                title="Detectability d' of a channelised Hotelling observer, over the original's"
              >
                d'
              </th>
            </tr>
          </thead>
          <tbody>
            {lesions.map(({ lesion, contrast, lighter, darker, detectability, places, level: own }) => (
              <tr key={`${lesion.diameterMm} ${lesion.contrastHu}`} className={`iscl-${own}`}>
                <th
                  scope="row"
                  title={`${places} places; lighter ${percent(lighter.mean)}, darker ${percent(darker.mean)}`}
                >
                  {lesion.diameterMm} mm, {lesion.contrastHu} HU
                </th>
                <td>
                  {percent(contrast.mean)} ± {Math.round(100 * contrast.sd)}
                  <span className="iscl-unseen">, {WORDS[own]}</span>
                </td>
                <td>{detectability === null ? '–' : detectability.toFixed(2)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {level !== null && level !== 'green' && keepingStrength < strength ? (
        <Box tone="warning" cy="iscl-guard-advice">
          <span>
            {keepingStrength > 0
              ? `At strength ${percent(keepingStrength)} every lesion keeps enough.`
              : 'At no strength does every lesion keep enough. Compare with the original, or use another model.'}
          </span>
          {keepingStrength > 0 ? (
            <Button
              cy="iscl-guard-set"
              onClick={() => run('setDenoiseStrength', { strength: keepingStrength })}
            >
              Set strength to {percent(keepingStrength)}
            </Button>
          ) : null}
        </Box>
      ) : null}
    </>
  );
}
