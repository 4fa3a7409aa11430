import { availableParallelism, cpus, loadavg } from 'node:os';

/** One line of the table; times in milliseconds for one `per`. */
export interface Row {
  readonly what: string;
  readonly per: string;
  readonly best: number;
  readonly median: number;
  /** Processor time of this process, all threads, mean of the runs: what a busy machine does not change much. */
  readonly cpu?: number;
  readonly runs: number;
}

export interface MeasureOptions {
  readonly per: string;
  readonly runs?: number;
  /** Divides the time: how many of `per` one call does. */
  readonly units?: number;
  readonly warmUps?: number;
}

/** Times `work`; the best run says what the code costs, the median what this machine made of it. */
export async function measure(what: string, options: MeasureOptions, work: () => unknown): Promise<Row> {
  const { per, runs = 15, units = 1, warmUps = 3 } = options;
  for (let i = 0; i < warmUps; i++) await work();
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await work();
    times.push((performance.now() - started) / units);
  }
  const { user, system } = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  return {
    what,
    per,
    best: times[0]!,
    median: times[runs >> 1]!,
    cpu: (user + system) / 1000 / runs / units,
    runs,
  };
}

/** Markdown. */
export function table(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['what', 'per', 'best, ms', 'median, ms', 'processor, ms', 'runs']),
    line(['---', '---', '---:', '---:', '---:', '---:']),
    ...rows.map(({ what, per, best, median, cpu, runs }) =>
      line([what, per, digits(best), digits(median), cpu === undefined ? '' : digits(cpu), String(runs)]),
    ),
  ].join('\n');
}

/** Three significant digits. */
function digits(ms: number): string {
  return Number(ms.toPrecision(3)).toString();
}

export function machine(): string {
  const load = loadavg()[0]!.toFixed(1);
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} logical cores, load ${load}, Node ${process.version}`;
}
