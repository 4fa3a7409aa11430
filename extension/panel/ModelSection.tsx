import { NoticeBox, Section } from './parts';
import { describe } from '../../src/notices';
import type { EngineInfo, ProviderRejection } from '../../src/engine';
import type { ModelSlab, Verdict } from '../../src/ct';
import type { SessionSnapshot } from '../session/snapshot';

/** Which network, where it computes, and why there. */
export function ModelSection({
  model: { card, fault },
  info,
  verdict,
}: {
  model: SessionSnapshot['model'];
  info: EngineInfo | null;
  /** On the active viewport's series; null without one. */
  verdict: Verdict | null;
}) {
  const model = info?.model ?? card;
  return (
    <Section id="model" title="Model">
      {fault && !model ? <NoticeBox notice={fault} /> : null}
      {model ? (
        <dl className="iscl-facts iscl-small">
          <dt>Model</dt>
          <dd data-cy="iscl-model-name">
            {model.name} {model.version}
          </dd>
          {model.slab ? (
            <>
              <dt>Reads</dt>
              <dd data-cy="iscl-slab">{slabWords(model.slab)}</dd>
            </>
          ) : null}
          <dt>Runs on</dt>
          <dd data-cy="iscl-provider" data-provider={info?.provider ?? ''}>
            {info ? place(info) : 'chosen when denoising starts'}
          </dd>
          {verdict?.kind === 'accepted' ? (
            <>
              <dt>Domain</dt>
              <dd data-cy="iscl-domain">{domain(verdict)}</dd>
            </>
          ) : null}
          {info ? (
            <>
              <dt>Self-test</dt>
              <dd>
                passed: within {largestError(info.selfTest).toFixed(3)} HU (limit {info.selfTest.toleranceHu}{' '}
                HU)
                {info.selfTest.fullSizeErrorHu === null ? '; no slice of full size was compared' : ''}
              </dd>
            </>
          ) : null}
        </dl>
      ) : null}
      {info ? <Why info={info} /> : null}
    </Section>
  );
}

/** How many slices go in and come out, and what becomes of a series whose slices lie otherwise. */
function slabWords({ inputs, outputs, spacingMm: [low, high], beyondSpacing }: ModelSlab): string {
  const beyond = {
    refuse: 'other series are refused',
    warn: 'other series with a warning',
    repeat: 'in other series each slice alone, with a warning',
  }[beyondSpacing];
  return `${inputs} neighbouring slices for every ${outputs}, ${low} to ${high} mm apart; ${beyond}`;
}

/** What the domain check says; each deviation has a warning of its own above. What nobody knows is not within. */
function domain({ warnings, unknown }: Extract<Verdict, { kind: 'accepted' }>): string {
  const open = unknown.length > 0 ? `unknown: the files do not state ${unknown.join(', ')}` : '';
  if (warnings.some(({ code }) => code.endsWith('-outside-domain')))
    return ['outside: see the warning above', open].filter(Boolean).join('; ');
  return open ? `${open}; the rest is within` : 'within: kernel, thickness, kV, body part and age';
}

function place(info: EngineInfo): string {
  if (info.provider === 'webgpu') return `WebGPU${info.adapter ? `: ${info.adapter}` : ''}`;
  return `WebAssembly, ${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}`;
}

function Why({ info }: { info: EngineInfo }) {
  const lines = info.rejected.map(({ fault, reason }: ProviderRejection) =>
    fault ? describe(fault).happened : reason,
  );
  if (!info.crossOriginIsolated && info.provider !== 'webgpu') {
    lines.push(
      'One thread only: the server does not send the COOP and COEP headers (see the install guide).',
    );
  }
  if (lines.length === 0) return null;
  return (
    <div className="iscl-muted iscl-small" data-cy="iscl-provider-why">
      {lines.map(line => (
        <div key={line}>{line}</div>
      ))}
    </div>
  );
}

/** HU, no less than a thousandth: a runtime that rounds otherwise never gives 0. */
function largestError({ maxErrorHu, fullSizeErrorHu }: EngineInfo['selfTest']): number {
  return Math.max(0.001, maxErrorHu, fullSizeErrorHu ?? 0);
}
