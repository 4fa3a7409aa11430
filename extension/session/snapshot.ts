import type { StoredSettings, Verdict } from '../../src/ct';
import type { JobSnapshot } from '../../src/denoise';
import type { ModelCard } from '../../src/engine';
import type { GuardReport } from '../../src/guard';
import type { Fault, Refusal } from '../../src/notices';
import type { SeriesStatistics } from '../../src/residual';
import type { DisplaySet } from '../ohif';
import { instancesOf } from '../source';
import type { StageId } from '../stages';
import type { GuardState } from './guard';
import type { RoiResult } from './roi';
import type { Run } from './run';
import type { SaveState, UnfinishedStore } from './save-state';
import type { Saver } from './saver';
import type { StoredPair } from './stored';

/** All that the panel shows, at one moment; never changed after it is published. */
export interface SessionSnapshot {
  /** The stage that hangs; null under another hanging protocol, such as MPR. */
  readonly stage: StageId | null;
  /** The active viewport's series; null when it shows none. */
  readonly series: SeriesSnapshot | null;
  readonly save: SaveSnapshot;
  /** What computes, then what waits for it. */
  readonly queue: readonly QueuedSnapshot[];
  readonly regions: readonly RoiResult[];
  readonly model: { readonly card: ModelCard | null; readonly fault: Fault | Refusal | null };
}

/** An original; for a viewport that shows a derived series, the original it was made from. */
export interface SeriesSnapshot {
  readonly viewportId: string;
  readonly displaySetUid: string;
  readonly description: string;
  readonly modality: string;
  readonly slices: number;
  /** Columns and rows; null where the files do not state them. */
  readonly matrix: { readonly columns: number; readonly rows: number } | null;
  readonly verdict: Verdict;
  /** False where nobody gives the original's files: what the data source does not list is unknown, and saved files lack it. */
  readonly hasFiles: boolean;
  /** Null until the series is denoised. */
  readonly run: RunSnapshot | null;
  /** Denoised series of this original that are stored. */
  readonly stored: readonly StoredSnapshot[];
}

export interface StoredSnapshot extends StoredSettings {
  readonly displaySetUid: string;
  readonly description: string;
  /** It is what the active viewport shows, or is compared with. */
  readonly shown: boolean;
}

/** A series that is being denoised, or waits for it. */
export interface QueuedSnapshot {
  readonly displaySetUid: string;
  readonly description: string;
  readonly done: number;
  readonly total: number;
}

export interface RunSnapshot {
  readonly job: JobSnapshot;
  /** Paused until another series is done, not by the user. */
  readonly waits: boolean;
  readonly strength: number;
  readonly repair: Run['repair'];
  readonly removed: ReturnType<SeriesStatistics['total']>;
  /** Places, from 1, of slices that may have lost structure. */
  readonly flagged: readonly number[];
  readonly guard: { readonly state: GuardState; readonly report: GuardReport | null };
}

export interface SaveSnapshot {
  readonly state: SaveState;
  /** The series and strength that `state` speaks of; null before anything is saved. */
  readonly label: string | null;
  /** `state` speaks of the active viewport's series. */
  readonly own: boolean;
  readonly canStore: boolean;
  /** Why the saved files lack what the viewer did not know of the original; null when they lack nothing. */
  readonly bare: string | null;
  /** `state` speaks of a store that an earlier visit left: nothing but the journal is kept of it. */
  readonly resumed: boolean;
  readonly unfinished: readonly UnfinishedStore[];
}

/**
 * @param verdict on the original
 * @param shown what it is looked at with, when that is a stored series
 * @param waits see RunSnapshot
 */
export function seriesSnapshot(
  viewportId: string,
  original: DisplaySet,
  verdict: Verdict,
  run: Run | null,
  stored: readonly StoredPair[] = [],
  shown: StoredPair | null = null,
  waits = false,
): Omit<SeriesSnapshot, 'hasFiles'> {
  const instances = instancesOf(original);
  const [columns, rows] = [Number(instances[0]?.['Columns']), Number(instances[0]?.['Rows'])];
  return Object.freeze({
    viewportId,
    displaySetUid: original.displaySetInstanceUID,
    description: original.SeriesDescription || 'Unnamed series',
    modality: original.Modality ?? '',
    slices: instances.length,
    matrix: columns > 0 && rows > 0 ? { columns, rows } : null,
    verdict,
    run: run && runSnapshot(run, waits),
    stored: stored.map(pair => ({
      ...pair.settings,
      displaySetUid: pair.stored.displaySet.displaySetInstanceUID,
      description: pair.stored.displaySet.SeriesDescription ?? '',
      shown: pair === shown,
    })),
  });
}

export function queueSnapshot(queued: readonly Run[]): readonly QueuedSnapshot[] {
  return queued.map(({ displaySets, description, snapshot: { progress } }) => ({
    displaySetUid: displaySets.source,
    description,
    done: progress.done,
    total: progress.total,
  }));
}

function runSnapshot(run: Run, waits: boolean): RunSnapshot {
  const removed = run.residual.total();
  return Object.freeze({
    job: run.snapshot,
    waits,
    strength: run.strength,
    repair: run.repair,
    removed,
    flagged: removed.flaggedSlices.map(uid => run.placeOf(uid)),
    guard: { state: run.guard.state, report: run.guard.report(run.strength) },
  });
}

export function saveSnapshot(saver: Saver, active: Run | null): SaveSnapshot {
  const { state, subject, bare, canStore, unfinished } = saver;
  const own = active !== null && subject?.run === active;
  const resumed = subject !== null && subject.run === null;
  return Object.freeze({ state, label: subject?.label ?? null, own, canStore, bare, resumed, unfinished });
}
