import { useState, type ReactNode } from 'react';
import { describe, describeRepair, type Fault, type Notice, type Warning } from '../../src/notices';

/** Sections that the user has folded, by id; as long as the page lives, for the panel is made anew with every tab. */
const folded = new Set<string>();

/** A part of the panel under its heading, which folds it, as OHIF's panels do. */
export function Section(props: { title: string; aside?: ReactNode; id: string; children: ReactNode }) {
  const [open, setOpen] = useState(!folded.has(props.id));
  const heading = `iscl-${props.id}-heading`;
  const fold = () => {
    if (open) folded.add(props.id);
    else folded.delete(props.id);
    setOpen(!open);
  };
  return (
    <section className="iscl-section" aria-labelledby={heading} data-cy={`iscl-${props.id}`}>
      <h3>
        <button type="button" aria-expanded={open} onClick={fold} data-cy={`iscl-${props.id}-fold`}>
          <span id={heading}>{props.title}</span>
          {props.aside === undefined ? null : <span className="iscl-aside">{props.aside}</span>}
          <svg viewBox="0 0 24 24" aria-hidden className={open ? '' : 'folded'}>
            <path d="M7 10l5 5 5-5" fill="none" stroke="currentColor" strokeWidth="2" />
          </svg>
        </button>
      </h3>
      {open ? <div className="iscl-body">{props.children}</div> : null}
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

/**
 * What happened, what was kept, what to do. A refusal has changed nothing, so nothing needs to be kept. Images are named by UID in the details only, where a UID
 * has room.
 * @param kept in place of the notice's own, where less is kept than the notice says
 */
export function NoticeBox({ notice, tone = 'error', kept }: { notice: Notice; tone?: Tone; kept?: string }) {
  const text = describe(notice, () => 'a slice');
  const detail = notice.kind === 'fault' ? notice.detail : undefined;
  const image = 'sopInstanceUid' in notice ? `Image ${notice.sopInstanceUid}` : undefined;
  return (
    <Box tone={tone} cy={`iscl-notice-${notice.code}`}>
      <span>{text.happened}</span>
      {notice.kind === 'fault' ? <span className="iscl-muted">{kept ?? text.kept}</span> : null}
      {text.todo ? <span>{text.todo}</span> : null}
      <Details text={[image, detail].filter(Boolean).join('. ')} />
    </Box>
  );
}

/** All warnings in one box, with one advice. */
export function Warnings({ warnings }: { warnings: readonly Warning[] }) {
  const [first] = warnings;
  if (!first) return null;
  return (
    <Box tone="warning" cy="iscl-warnings">
      {warnings.map(warning => (
        <span key={JSON.stringify(warning)} data-cy={`iscl-notice-${warning.code}`}>
          {describe(warning).happened}
        </span>
      ))}
      <span>{describe(first).todo}</span>
    </Box>
  );
}

/** For screen readers: said when it changes, shown nowhere. */
export function Announcement({ text }: { text: string }) {
  return (
    <div className="iscl-unseen" role="status" data-cy="iscl-announcement">
      {text}
    </div>
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
  /** For buttons that stay down. */
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

/** `fraction` null: busy, with no end to tell. `text` says more than the percentage. */
export function ProgressBar({
  fraction,
  label,
  text,
}: {
  fraction: number | null;
  label: string;
  text?: string;
}) {
  const value = fraction === null ? undefined : Math.round(fraction * 100);
  return (
    <div
      className={`iscl-track ${fraction === null ? 'waiting' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuetext={text}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(value === undefined ? {} : { 'aria-valuenow': value })}
    >
      {/* A new element at the end of waiting, or the bar would shrink from there to nothing. */}
      <div key={String(value === undefined)} style={{ width: `${value ?? 100}%` }} />
    </div>
  );
}

/** Seconds below a minute, then minutes and seconds. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Milliseconds below ten seconds, then seconds. */
export const pace = (ms: number): string =>
  ms < 10_000 ? `${Math.round(ms)} ms a slice` : `${Math.round(ms / 1000)} s a slice`;

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** One decimal below 10, none above; a true minus sign. */
export function hu(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0);
  return text === '-0.0' ? '0.0' : text.replace('-', '−');
}

/** Numbers in order, neighbours joined: "3, 7–9"; what is more than `most` pieces is left out. */
export function ranges(numbers: readonly number[], most = 8): string {
  const pieces: [first: number, last: number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = pieces.at(-1);
    if (last && number <= last[1] + 1) last[1] = number;
    else pieces.push([number, number]);
  }
  const text = pieces
    .slice(0, most)
    .map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return [...text, ...(pieces.length > most ? ['…'] : [])].join(', ');
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
export const slices = (count: number): string => `${count} ${count === 1 ? 'slice' : 'slices'}`;
