import {
  memoryJournal,
  resumeStore,
  storeInstances,
  type JournalStore,
  type StoreOptions,
  type StoreReport,
} from '../../src/store';
import { startFaultServer, type FaultServer } from '../faults/server';
import { makeSeries, STUDY, type MadeInstance } from './instances';

/* A series, a server that fails on purpose and a journal, for the tests of storing. */

export const COUNT = 12;
export const series = makeSeries(COUNT);
export const uids = series.map(({ sopInstanceUid }) => sopInstanceUid);

/** New for each test. */
export let server: FaultServer;
export let journal: JournalStore;
/** Milliseconds of every wait, none of which is waited. */
export let waits: number[];

beforeEach(async () => {
  server = await startFaultServer();
  journal = memoryJournal();
  waits = [];
});
afterEach(() => server.close());

/** An empty server in the place of one that was closed, under its address. */
export async function restartServer(): Promise<void> {
  server = await startFaultServer(Number(new URL(server.url).port));
}

export function options(more: Partial<StoreOptions['server']> = {}): StoreOptions {
  const roots = { qido: server.url, wado: server.url, stow: server.url };
  const sleep = async (ms: number) => void waits.push(ms);
  // Five instances a request: three requests for the series.
  return {
    server: { roots, sleep, random: () => 1, ...more },
    journal,
    batchBytes: series[0]!.part10.byteLength * 5,
  };
}

export function store(
  instances: readonly MadeInstance[] = series,
  more: Partial<StoreOptions> = {},
): Promise<StoreReport> {
  return storeInstances([...instances], { ...options(), ...more, studyInstanceUid: STUDY, expected: COUNT });
}

/** The archive holds exactly the series, pixel for pixel, and the report says no less and no more. */
export function expectWhole(report: StoreReport, { alreadyThere = 0 } = {}): void {
  expect(report).toMatchObject({
    outcome: 'done',
    notice: null,
    failed: 0,
    pending: 0,
    unverified: 0,
    notProduced: 0,
  });
  expect([report.stored, report.alreadyThere]).toEqual([COUNT - alreadyThere, alreadyThere]);
  expect([...server.archive.keys()].sort()).toEqual([...uids].sort());
  for (const { sopInstanceUid, part10 } of series) {
    expect(Buffer.compare(server.archive.get(sopInstanceUid)!.part10, part10)).toBe(0);
  }
}

/** After a run that fell short: never done, everything accounted for, and a retry on a healthy server makes it whole. */
export async function expectRetryCompletes(report: StoreReport, { alreadyThere = 0 } = {}): Promise<void> {
  expect(report.outcome).not.toBe('done');
  expect(report.notice).not.toBeNull();
  const { stored, unverified, failed, pending, notProduced } = report;
  expect(stored + report.alreadyThere + unverified + failed + pending + notProduced).toBe(COUNT);
  const sentBefore = new Map(server.posts);
  const there = new Set(server.archive.keys());
  const retried = await resumeStore(report.sessionId, options());
  expectWhole(retried, { alreadyThere });
  for (const uid of there) expect(server.posts.get(uid)).toBe(sentBefore.get(uid));
  expect(await journal.sessions()).toEqual([]);
}
