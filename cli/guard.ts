import { readFile } from 'node:fs/promises';
import type { CtSlice } from '../src/ct';
import type { Engine, EngineInfo } from '../src/engine';
import {
  readThresholds,
  guardReport,
  measureGuard,
  type GuardReport,
  type GuardThresholds,
} from '../src/guard';
import { DenoiseError } from '../src/notices';
import { UsageError, type GuardMode } from './arguments';

export interface GuardSettings {
  /** `stop`: what the guard finds keeps the series from being written. `warn`: it is in the report only. */
  readonly mode: GuardMode;
  readonly thresholds: GuardThresholds;
}

/** @param path of a JSON file with the limits that differ; null for none. @throws UsageError */
export async function guardSettings(mode: GuardMode, path: string | null): Promise<GuardSettings> {
  if (path === null) return { mode, thresholds: readThresholds({}) };
  try {
    return { mode, thresholds: readThresholds(JSON.parse(await readFile(path, 'utf8'))) };
  } catch (cause) {
    throw new UsageError(`--guard-limits "${path}" cannot be used: ${(cause as Error).message}`, { cause });
  }
}

export interface GuardedRun {
  readonly engine: Engine;
  readonly info: EngineInfo;
  /** 0 to 1. */
  readonly strength: number;
  readonly guard: GuardSettings;
  readonly signal: AbortSignal;
}

/**
 * The guard's figures on a series at the strength of the run. Null where no slice can be read: the job will say so of each.
 * @throws DenoiseError of the engine, the signal's reason
 */
export async function guardOf(
  slices: readonly CtSlice[],
  { engine, info, strength, signal, guard }: GuardedRun,
): Promise<GuardReport | null> {
  try {
    const measured = await measureGuard({ slices, engine, slab: info.model.slab ?? null, signal });
    return guardReport(measured, strength, guard.thresholds);
  } catch (error) {
    if (error instanceof DenoiseError && OF_THE_SOURCE.includes(error.notice.code)) return null;
    throw error;
  }
}

const OF_THE_SOURCE: readonly string[] = [
  'source-unavailable',
  'unreadable-dicom',
  'undecodable',
  'bad-input',
];
