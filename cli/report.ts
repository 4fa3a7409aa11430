import type { Verdict } from '../src/ct';
import type { EngineInfo } from '../src/engine';
import type { GuardReport } from '../src/guard';
import { describe, type Fault, type Refusal } from '../src/notices';
import type { StoreReport } from '../src/store';

export interface SeriesReport {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly derivedSeriesInstanceUid: string | null;
  readonly slices: number;
  readonly verdict: Verdict;
  /** `listed`: would be denoised (--dry-run). `busy`: another process is at it; nothing was done. */
  readonly outcome: 'done' | 'incomplete' | 'interrupted' | 'refused' | 'listed' | 'busy';
  /** Slices an earlier run had made and this one verified. */
  readonly kept: number;
  readonly written: number;
  readonly failed: readonly { readonly sopInstanceUid: string; readonly reason: string }[];
  readonly notice: Fault | null;
  readonly store: StoreReport | null;
  /** SD of what was removed, HU, where that is almost nothing: the series was quiet already. Null otherwise, and where nobody knows. */
  readonly quietHu: number | null;
  readonly provider: EngineInfo['provider'] | null;
  /** What the model does to known faint lesions, noise and HU of this series; null where nothing was to be written, or no slice can be read. */
  readonly guard: GuardReport | null;
  /** `load` (read and decode) and `encode` (blend and derive) may run while the engine computes, so they can add up to more than `wall`. */
  readonly seconds: {
    readonly wall: number;
    readonly load: number;
    readonly inference: number;
    readonly encode: number;
  };
}

/** What --json prints and mercure gets as result.json: UIDs, paths below the source's folder and what a notice names of an attribute, never the patient's attributes. */
export interface Report {
  readonly product: string;
  readonly version: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly strength: number;
  readonly model: { readonly id: string; readonly version: string; readonly sha256: string } | null;
  readonly runtime: string | null;
  readonly series: readonly SeriesReport[];
  /** `conflict`: the file is sound, but another image has its SOP Instance UID; running again changes nothing. */
  readonly unreadable: readonly { readonly file: string; readonly what: string; readonly conflict?: true }[];
  /** Files that are plainly no DICOM images, and copies of images. */
  readonly ignored: readonly { readonly file: string; readonly what: string }[];
  /** Their number. */
  readonly ignoredFiles: number;
  /** Why nothing could be done at all. */
  readonly error: string | null;
}

/** The same for people, a line or a few for each series. */
export function summary(report: Report): string {
  const lines = report.series.flatMap(series => [
    `${series.seriesInstanceUid}: ${OUTCOME[series.outcome]}, ${series.slices} slices${counts(series)}`,
    ...verdictLines(series.verdict).map(line => `  ${line}`),
    ...(series.guard ? [`  ${series.guard.sentence}`] : []),
    ...(series.guard?.findings ?? [])
      .filter(finding => finding.code !== series.notice?.code)
      .map(finding => `  guard: ${describe(finding).happened}`),
    ...(series.quietHu === null ? [] : [`  already quiet: ${series.quietHu.toFixed(1)} HU removed`]),
    ...series.failed.map(({ sopInstanceUid, reason }) => `  failed: ${sopInstanceUid}: ${reason}`),
    // That it was interrupted is said already.
    ...(series.notice && series.notice.code !== 'cancelled' && series.notice.code !== 'save-cancelled'
      ? noticeLines(series.notice).map(line => `  ${line}`)
      : []),
  ]);
  for (const { file, what, conflict } of report.unreadable)
    lines.push(`${conflict ? 'left out' : 'unreadable'}: ${file}: ${what}`);
  if (report.unreadable.some(({ conflict }) => conflict))
    lines.push(
      'Running again changes nothing for what is left out: give each image an SOP Instance UID of its own.',
    );
  lines.push(...ignoredLines(report.ignored));
  if (report.error) lines.push(report.error);
  return lines.map(line => `${line}\n`).join('');
}

/** More than these are only counted; --json lists all. */
const IGNORED_SHOWN = 20;

function ignoredLines(ignored: Report['ignored']): string[] {
  if (ignored.length === 0) return [];
  const shown = ignored.slice(0, IGNORED_SHOWN).map(({ file, what }) => `  ${file}: ${what}`);
  const more = ignored.length - shown.length;
  return [
    `${ignored.length} ${ignored.length === 1 ? 'file is' : 'files are'} no image to be read, or a copy:`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more, which --json lists`] : []),
  ];
}

const OUTCOME: { readonly [outcome in SeriesReport['outcome']]: string } = {
  done: 'done',
  incomplete: 'INCOMPLETE, run again',
  interrupted: 'interrupted, run again to go on',
  refused: 'refused',
  listed: 'would be denoised',
  busy: 'another iscl-denoise is at work on it, left alone',
};

function counts({ outcome, written, kept, derivedSeriesInstanceUid }: SeriesReport): string {
  if (outcome === 'refused' || outcome === 'listed' || outcome === 'busy') return '';
  const before = kept > 0 ? `, ${kept} there before` : '';
  return `, ${written} written${before}, new series ${derivedSeriesInstanceUid}`;
}

function verdictLines(verdict: Verdict): string[] {
  const notices = verdict.kind === 'refused' ? verdict.reasons : verdict.warnings;
  const kind = verdict.kind === 'refused' ? 'refused' : 'warning';
  const lines = notices.map(notice => `${kind}: ${describe(notice).happened}`);
  if (verdict.kind === 'accepted' && verdict.unknown.length > 0) {
    const what = verdict.unknown.join(', ');
    lines.push(
      `unknown: the files do not state ${what}; whether the model was trained for that is not known`,
    );
  }
  return lines;
}

/** What to do is in the first line already (run again), and the notice's own words for it are a viewer's; not so for wrong pixels in the archive and for what the guard finds. */
function noticeLines(notice: Fault): string[] {
  const { happened, kept, todo } = describe(notice);
  return notice.code === 'store-mismatch' || notice.code.startsWith('guard-')
    ? [happened, kept, todo]
    : [happened];
}

/** With what the system says of it. What to do next depends on the exit code (docs/batch.md): the notice's own words for it are a viewer's. */
export function whatHappened(notice: Fault | Refusal): string {
  const { happened } = describe(notice);
  const detail = 'detail' in notice ? notice.detail : undefined;
  return detail && !happened.includes(detail) ? `${happened} (${detail})` : happened;
}
