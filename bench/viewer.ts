import { readFileSync, rmSync } from 'node:fs';
import type { CDPSession } from 'playwright-core';
import { Viewer } from '../test/browser/viewer';
import type { Row } from './measure';
import { repeatedSeries, type RepeatedSeries } from './repeated';
import { installStopwatch, type Press } from './stopwatch';

/*
 * The built product inside the prebuilt OHIF, in Chromium: from the press of Denoise to the first denoised slice on screen, inference, and the
 * memory of a page that holds 300 slices, originals, denoised and difference.
 */

const SLICES = 300;
/** Where somebody looks when Denoise is pressed. */
const LOOKED_AT = 150;
const PRESSES = 3;
/** Results of a press that are waited for: its first slice, and some more for the pace. */
const RESULTS = 5;
const LONG = { timeout: 1_200_000 };

export interface ViewerFigures {
  readonly what: string;
  readonly rows: readonly Row[];
  readonly memory: readonly Memory[];
}

export interface Memory {
  readonly when: string;
  /** Resident memory of the page's renderer process now, and the most since its start, MiB; null where there is no /proc. */
  readonly residentMiB: number | null;
  readonly peakMiB: number | null;
  /** performance.measureUserAgentSpecificMemory: page and workers, MiB. */
  readonly pageMiB: number;
}

export async function viewerFigures(): Promise<ViewerFigures> {
  const series = repeatedSeries(SLICES);
  try {
    const rows: Row[] = [];
    for (const threads of [1, 2]) rows.push(...(await presses(series, threads)));
    const { memory, row } = await whole(series);
    return { what: series.what, rows: [...rows, row], memory };
  } finally {
    rmSync(series.folder, { recursive: true, force: true });
  }
}

async function open(series: RepeatedSeries, threads: number): Promise<Viewer> {
  const viewer = await Viewer.open({ folders: [series.folder], engine: { providers: ['wasm'], threads } });
  viewer.page.setDefaultTimeout(LONG.timeout);
  // tsx keeps function names by a helper that page.evaluate leaves behind: https://github.com/privatenumber/tsx/issues/113
  await viewer.page.addInitScript('globalThis.__name = value => value');
  await viewer.page.addInitScript(installStopwatch);
  return viewer;
}

/** Opens the study; done when the engine is ready and the viewer has loaded every original. */
async function openStudy(viewer: Viewer, series: RepeatedSeries): Promise<void> {
  await viewer.openStudy(series.study);
  await viewer.page.waitForFunction(() => window.stopwatch.ready, null, LONG);
  await cached(viewer, series.slices);
  await viewer.scrollTo('iscl-original', LOOKED_AT);
  await viewer.image('iscl-original', LOOKED_AT);
  await viewer.page.waitForTimeout(1000);
}

/** Waits until the viewer holds so many images, loaded. */
async function cached(viewer: Viewer, images: number): Promise<void> {
  await viewer.page.waitForFunction(
    count => {
      const { cache } = window.cornerstone;
      return [...cache._imageCache.keys()].filter(id => cache.getImage(id)).length >= count;
    },
    images,
    { ...LONG, polling: 500 },
  );
}

/** Presses Denoise in a fresh page each time, model files in the browser's cache, engine ready, originals loaded. */
export async function presses(series: RepeatedSeries, threads: number): Promise<Row[]> {
  const viewer = await open(series, threads);
  const { page } = viewer;
  try {
    const taken: Press[] = [];
    const inferences: number[] = [];
    let [firstCpu, inferenceCpu] = [0, 0];
    for (let i = 0; i < PRESSES; i++) {
      await openStudy(viewer, series);
      const started = await processorMs(viewer);
      await viewer.cy('iscl-denoise').click();
      await page.waitForFunction(() => window.stopwatch.press !== null, null, LONG);
      const shown = await processorMs(viewer);
      await page.waitForFunction(count => window.stopwatch.results.length >= count, RESULTS, LONG);
      const results = await page.evaluate(() => window.stopwatch.results.map(({ ms }) => ms));
      firstCpu += shown - started;
      inferenceCpu += ((await processorMs(viewer)) - shown) / (results.length - 1);
      taken.push((await page.evaluate(() => window.stopwatch.press))!);
      inferences.push(...results);
      console.error(`press ${i + 1} of ${PRESSES}, ${threads} threads: ${JSON.stringify(taken.at(-1))}`);
    }
    noProblems(viewer);
    const where = `in OHIF, wasm, ${threads} thread${threads > 1 ? 's' : ''}`;
    const per = `series of ${series.slices}`;
    return [
      row(
        `first denoised slice on screen after Denoise: ${where}`,
        per,
        taken.map(one => one.onScreen),
        firstCpu / PRESSES,
      ),
      row(
        `  of that, until the slice is with the engine: ${where}`,
        per,
        taken.map(one => one.sent),
      ),
      row(
        `  of that, the engine: ${where}`,
        per,
        taken.map(one => one.computed - one.sent),
      ),
      row(
        `  of that, from the engine to the screen: ${where}`,
        per,
        taken.map(one => one.onScreen - one.computed),
      ),
      row(`inference: ${where}`, 'slice 512x512', inferences, inferenceCpu / PRESSES),
    ];
  } finally {
    await viewer.close();
  }
}

/** The whole series, then every slice of it looked at in the stage `review`. */
export async function whole(series: RepeatedSeries): Promise<{ memory: Memory[]; row: Row }> {
  const viewer = await open(series, 1);
  const { page } = viewer;
  try {
    const memory: Memory[] = [];
    const note = async (when: string) => {
      const now = await memoryOf(viewer, when);
      // Chromium resets the kernel's own mark when it measures memory.
      const peaks = [...memory, now].flatMap(({ peakMiB }) => (peakMiB === null ? [] : [peakMiB]));
      const taken = { ...now, peakMiB: peaks.length > 0 ? Math.max(...peaks) : null };
      console.error(memoryTable([taken]).split('\n').at(-1));
      memory.push(taken);
    };
    await openStudy(viewer, series);
    await note('originals loaded, engine ready');
    const started = performance.now();
    const cpu = await processorMs(viewer);
    await viewer.cy('iscl-denoise').click();
    await page.waitForSelector('[data-cy="iscl-progress"][data-state="done"]', LONG);
    const ms = (performance.now() - started) / series.slices;
    const processor = ((await processorMs(viewer)) - cpu) / series.slices;
    await note('all denoised, stage compare');
    await viewer.cy('iscl-stage-review').click();
    await viewer.image('iscl-difference');
    await note('stage review');
    // The viewer prefetches each of the three series: nothing is left that looking through them would add.
    await cached(viewer, 3 * series.slices);
    await note('stage review, all three series in the viewer’s cache');
    noProblems(viewer);
    const whole = { what: 'whole series, a slice: in OHIF, wasm, 1 thread', per: 'slice 512x512' };
    return { memory, row: { ...whole, best: ms, median: ms, cpu: processor, runs: 1 } };
  } finally {
    await viewer.close();
  }
}

function noProblems(viewer: Viewer): void {
  const problems = viewer.takeProblems();
  if (problems.length > 0) throw new Error(problems.map(({ text }) => text).join('\n'));
}

function row(what: string, per: string, times: readonly number[], cpu?: number): Row {
  const sorted = times.toSorted((a, b) => a - b);
  const of = { what, per, best: sorted[0]!, median: sorted[sorted.length >> 1]!, runs: sorted.length };
  return cpu === undefined ? of : { ...of, cpu };
}

/** Of Chromium and all its processes since their start. */
async function processorMs(viewer: Viewer): Promise<number> {
  return (await processes(viewer)).reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0);
}

async function processes(viewer: Viewer) {
  const session: CDPSession = await viewer.browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo;
}

/** The page's renderer is the largest: Chromium keeps at most an empty spare one beside it. */
async function memoryOf(viewer: Viewer, when: string): Promise<Memory> {
  const pageMiB = await viewer.page.evaluate(async () => {
    const memory = performance as Performance & {
      measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
    };
    return (await memory.measureUserAgentSpecificMemory()).bytes / 2 ** 20;
  });
  const renderers = (await processes(viewer))
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => ({ resident: statusMiB(id, 'VmRSS'), peak: statusMiB(id, 'VmHWM') }))
    .sort((a, b) => (b.peak ?? 0) - (a.peak ?? 0));
  const { resident = null, peak = null } = renderers[0] ?? {};
  return { when, residentMiB: resident, peakMiB: peak, pageMiB };
}

function statusMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number | null {
  try {
    const [, kib] =
      new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? null : Number(kib) / 1024;
  } catch {
    return null;
  }
}

export function memoryTable(memory: readonly Memory[]): string {
  const mib = (value: number | null) => (value === null ? 'not measured' : value.toFixed(0));
  return [
    '| page memory, MiB | renderer, resident | renderer, peak so far | page and workers, by the browser |',
    '| --- | ---: | ---: | ---: |',
    ...memory.map(
      ({ when, residentMiB, peakMiB, pageMiB }) =>
        `| ${when} | ${mib(residentMiB)} | ${mib(peakMiB)} | ${mib(pageMiB)} |`,
    ),
  ].join('\n');
}
