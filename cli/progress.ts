import type { JobProgress } from '../src/denoise';
import type { PrepareProgress } from '../src/engine';

export interface Progress {
  /** Files read of a folder. */
  listing(read: number, total: number): void;
  /** For an answer of an archive. */
  waiting(what: string, seconds: number): void;
  preparing(step: PrepareProgress): void;
  series(index: number, total: number, description: string): void;
  checking(done: number, total: number): void;
  /** Slices of a sample computed again, to compare with what is there. */
  comparing(progress: JobProgress): void;
  /** Known lesions are put into the series and denoised, before anything is written. */
  guarding(): void;
  slice(progress: JobProgress): void;
  end(): void;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** One line that is written over on a terminal; elsewhere (a log) a line at most every ten seconds. */
export function textProgress(stream: Stream, now: () => number = Date.now): Progress {
  let prefix = '';
  let last = -Infinity;
  let open = false;
  const line = (text: string, always = false) => {
    if (stream.isTTY) {
      stream.write(`\r\x1b[2K${text}`);
      open = true;
    } else if (always || now() - last >= 10_000) {
      last = now();
      stream.write(`${text}\n`);
    }
  };
  const end = () => {
    if (open) stream.write('\n');
    open = false;
  };
  return {
    listing(read, total) {
      line(`Reading: ${read} of ${total} files`);
    },
    waiting(what, seconds) {
      line(`Waiting for the archive: ${what}, ${seconds} s`);
    },
    preparing({ step }) {
      line(`Model: ${step}`, true);
    },
    series(index, total, description) {
      end();
      prefix = `Series ${index + 1} of ${total}${description ? ` (${description})` : ''}`;
      last = -Infinity;
    },
    checking(done, total) {
      line(`${prefix}: ${done} of ${total} slices are there already`);
    },
    comparing({ done, total }) {
      line(`${prefix}: ${done} of ${total} slices of a sample computed again`);
    },
    guarding() {
      line(`${prefix}: known lesions are measured`);
      // The first slice is told too.
      last = -Infinity;
    },
    slice({ done, failed, total, secondsLeft }) {
      const left = secondsLeft === null || secondsLeft === 0 ? '' : `, ${duration(secondsLeft)} left`;
      const broken = failed > 0 ? `, ${failed} failed` : '';
      line(`${prefix}: ${done} of ${total} slices${broken}${left}`, done + failed === total);
    },
    end,
  };
}

/** "about 40 s", "about 3 min", "about 2 h 10 min". */
export function duration(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} min` : `about ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
