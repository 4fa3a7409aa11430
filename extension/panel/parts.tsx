import type { ReactNode } from 'react';
import { describe, describeRepair, type Fault, type Notice } from '../../src/notices';

export function Section(props: { title: string; aside?: ReactNode; id: string; children: ReactNode }) {
  const heading = `iscl-${props.id}-heading`;
  return (
    <section className="iscl-section" aria-labelledby={heading} data-cy={`iscl-${props.id}`}>
      <h3>
        <span id={heading}>{props.title}</span>
        {props.aside === undefined ? null : <span className="iscl-aside">{props.aside}</span>}
      </h3>
      <div className="iscl-body">{props.children}</div>
    </section>
  );
}

type Tone = 'error' | 'warning' | 'success' | 'info';

export function Box(props: { tone: Tone; cy: string; children: ReactNode }) {
  return (
    <div
      className={`iscl-box ${props.tone}`}
      role={props.tone === 'error' ? 'alert' : 'status'}
      data-cy={props.cy}
    >
      {props.children}
    </div>
  );
}

/** What happened, what was kept, what to do. */
export function NoticeBox({ notice, tone = 'error' }: { notice: Notice; tone?: Tone }) {
  const { happened, kept, todo } = describe(notice);
  const detail = notice.kind === 'fault' ? notice.detail : undefined;
  return (
    <Box tone={tone} cy={`iscl-notice-${notice.code}`}>
      <span>{happened}</span>
      {notice.kind === 'warning' ? null : <span className="iscl-muted">{kept}</span>}
      {todo ? <span>{todo}</span> : null}
      <Details text={detail} />
    </Box>
  );
}

/** The engine broke and repaired itself: nothing is asked of the user, but the image on screen was not made without trouble. */
export function RepairBox({ fault, provider }: { fault: Fault; provider: string }) {
  const { happened, kept, todo } = describeRepair(fault, provider);
  return (
    <Box tone="warning" cy="iscl-repair">
      <span>{happened}</span>
      <span className="iscl-muted">{kept}</span>
      <span>{todo}</span>
      <Details text={fault.detail} />
    </Box>
  );
}

function Details({ text }: { text: string | undefined }) {
  return text ? (
    <details>
      <summary>Details</summary>
      {text}
    </details>
  ) : null;
}

export function Button(props: {
  cy: string;
  onClick: () => void;
  children: ReactNode;
  className?: string;
  disabled?: boolean;
  pressed?: boolean;
  title?: string;
}) {
  return (
    <button
      type="button"
      className={`iscl-button ${props.className ?? ''}`}
      data-cy={props.cy}
      onClick={props.onClick}
      disabled={props.disabled}
      title={props.title}
      {...(props.pressed === undefined ? {} : { 'aria-pressed': props.pressed })}
    >
      {props.children}
    </button>
  );
}

/** `fraction` null: busy, with no end to tell. */
export function ProgressBar({ fraction, label }: { fraction: number | null; label: string }) {
  const percent = fraction === null ? undefined : Math.round(fraction * 100);
  return (
    <div
      className={`iscl-track ${fraction === null ? 'waiting' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
    >
      <div style={{ width: `${percent ?? 100}%` }} />
    </div>
  );
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** One decimal below 10, none above; a true minus sign. */
export function hu(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0);
  return text === '-0.0' ? '0.0' : text.replace('-', '−');
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
export const slices = (count: number): string => `${count} ${count === 1 ? 'slice' : 'slices'}`;
