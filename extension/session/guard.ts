import type { CtSlice } from '../../src/ct';
import type { Engine } from '../../src/engine';
import {
  assertSafe,
  guardReport,
  measureGuard,
  readThresholds,
  strengthForDetectability,
  strengthForNoise,
  type GuardMeasurement,
  type GuardReport,
  type GuardThresholds,
} from '../../src/guard';
import { DenoiseError, type Fault, type Refusal } from '../../src/notices';
import { idle } from '../idle';
import { noticeOf } from '../tell';

/** A site's limits, in the customization `iscl.denoise` as `guards`. */
export interface GuardChoice extends Partial<GuardThresholds> {
  /** `stop` (the default): what the guard finds keeps the series from being saved. `warn`: it is shown. */
  readonly mode?: 'stop' | 'warn';
}

export interface GuardSettings {
  readonly mode: 'stop' | 'warn';
  readonly thresholds: GuardThresholds;
}

/** @throws RangeError for a limit that is none */
export function guardSettings({ mode = 'stop', ...limits }: GuardChoice = {}): GuardSettings {
  if (mode !== 'stop' && mode !== 'warn') throw new RangeError(`guards.mode "${String(mode)}"`);
  return { mode, thresholds: readThresholds(limits) };
}

/** What a reader wants of the strength: noise in soft tissue, HU; or the least d' of the lesions over the original's. */
export type WantedStrength = { readonly noiseHu: number } | { readonly detectability: number };

export type GuardState =
  /** For the last slice of the series, or for another series that computes. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured' }
  | { readonly kind: 'failed'; readonly notice: Fault | Refusal };

/** How often a guard that waits for another series looks whether it still computes, ms. */
const LOOK_AGAIN = 250;

/**
 * The guard of one run: measures once the whole series is denoised, in idle moments and while no series computes, so that no slice on screen waits for
 * it. A save waits for it.
 */
export class RunGuard {
  state: GuardState = { kind: 'waiting' };
  private measurement: GuardMeasurement | null = null;
  private readonly stop = new AbortController();
  private measuring: Promise<void> | null = null;
  private hurried = false;
  /** Of the last strength asked for: the panel asks at every change of the session. */
  private told: GuardReport | null = null;

  constructor(
    private readonly slices: readonly CtSlice[],
    private readonly engine: Engine,
    private readonly settings: GuardSettings,
    /** A series computes. */
    private readonly busy: () => boolean,
    private readonly changed: () => void,
  ) {}

  /** All slices are denoised. */
  begin(): Promise<void> {
    return (this.measuring ??= this.measure());
  }

  /** At a strength of 0 to 1; null until it is measured. */
  report(strength: number): GuardReport | null {
    if (!this.measurement) return null;
    if (this.told?.strength !== strength)
      this.told = guardReport(this.measurement, strength, this.settings.thresholds);
    return this.told;
  }

  /**
   * The strength that leaves so much noise in soft tissue, or keeps so much of the lesions' d'.
   * @throws DenoiseError `not-measured`
   */
  strengthFor(wanted: WantedStrength): number {
    const { measurement } = this;
    if ('detectability' in wanted && measurement && measurement.lesions.length > 0)
      return strengthForDetectability(measurement, wanted.detectability);
    if ('noiseHu' in wanted && measurement?.noise)
      return strengthForNoise(measurement.noise.variance, wanted.noiseHu);
    throw new DenoiseError({ kind: 'refusal', code: 'not-measured' });
  }

  /**
   * Waits for the figures, which then no longer wait for other series.
   * @throws DenoiseError with what forbids saving at this strength, or why nothing could be measured; the signal's reason
   */
  async allow(strength: number, signal: AbortSignal): Promise<void> {
    this.hurried = true;
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    await Promise.race([this.begin(), aborted]);
    if (this.settings.mode === 'warn') return;
    if (this.state.kind === 'failed') throw new DenoiseError(this.state.notice);
    assertSafe(this.report(strength)?.findings ?? []);
  }

  dispose(): void {
    this.stop.abort(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
  }

  private async measure(): Promise<void> {
    const { signal } = this.stop;
    this.set({ kind: 'measuring' });
    try {
      const { slab = null } = await this.engine.card(signal);
      this.measurement = await measureGuard({
        slices: this.slices,
        engine: this.engine,
        slab,
        signal,
        rest: () => this.rest(),
      });
      this.set({ kind: 'measured' });
    } catch (error) {
      if (signal.aborted) return;
      this.measuring = null;
      this.set({ kind: 'failed', notice: noticeOf(error) });
    }
  }

  private async rest(): Promise<void> {
    await idle();
    while (this.busy() && !this.hurried && !this.stop.signal.aborted)
      await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN));
  }

  private set(state: GuardState): void {
    this.state = state;
    this.changed();
  }
}
