import type { Notice } from './notices';

/** What a person is told: what happened, what was kept, what to do next. */
export interface NoticeText {
  readonly happened: string;
  readonly kept: string;
  readonly todo: string;
}

const ORIGINAL_KEPT = 'The original series is unchanged.';

/** Words for a notice, in plain English, naming the value that caused it. */
export function describe(notice: Notice): NoticeText {
  return { happened: notice.code, kept: ORIGINAL_KEPT, todo: '' };
}
