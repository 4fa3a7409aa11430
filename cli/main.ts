/** iscl-denoise: folders and DICOMweb in, the pipeline of src/ through, folders and DICOMweb out (docs/batch.md). */
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { PRODUCT } from '../src/ct';
import type { Engine, EngineInfo, ModelCard } from '../src/engine';
import { createNodeEngine } from '../src/engine/node';
import { allPrintable, DenoiseError, printable } from '../src/notices';
import { readArguments, USAGE, UsageError, type Settings } from './arguments';
import { dicomWebOptions, dicomWebTarget, listDicomWeb } from './dicomweb';
import { EXIT } from './exit-codes';
import { folderTarget } from './folder';
import { guardSettings, type GuardSettings } from './guard';
import { listFolder } from './folder-source';
import { mercureSettings, writeMercureResult } from './mercure';
import { chooseModel } from './model';
import { textProgress, type Progress } from './progress';
import { summary, whatHappened, type Report, type SeriesReport } from './report';
import { judge, listedSeries, runSeries } from './run';
import { SourceError, type Listing, type SourceSeries } from './source';
import { isSystemError, TargetError, whyNot, type Target } from './target';

export interface Process {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Folder of models/manifest.json. */
  readonly modelsFolder: string;
  /** Starts the engine's thread (engine-thread.mjs); without it, nothing goes on while the engine computes. */
  readonly createThread?: () => Worker;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Runs the command. @returns the exit code; never rejects */
export async function main(process: Process): Promise<number> {
  const { argv, env, stdout, stderr } = process;
  let settings: Settings;
  let mercure = false;
  try {
    const fromMercure = await mercureSettings(argv, env);
    mercure = fromMercure !== null;
    const read = fromMercure ?? readArguments(argv, env);
    if (read === 'help' || read === 'version') {
      stdout.write(read === 'help' ? USAGE : `${PRODUCT.modelName} ${PRODUCT.version}\n`);
      return EXIT.done;
    }
    settings = read;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`${printable(error.message)}\n\n${USAGE}`);
    return EXIT.usage;
  }
  const run = new Run(settings, process);
  const report = shown(await run.execute());
  stdout.write(settings.json ? `${JSON.stringify(report, null, 2)}\n` : summary(report));
  if (!mercure) return report.exitCode;
  try {
    await writeMercureResult(env, report);
    return report.exitCode;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    stderr.write(`result.json cannot be written: ${printable(whyNot(error))}\n`);
    return report.exitCode === EXIT.done ? EXIT.target : report.exitCode;
  }
}

/** Whatever a file or an archive wrote into it: nothing of it moves a terminal's cursor or makes a line of its own. A defect's stack keeps its lines. */
function shown(report: Report): Report {
  const error = report.error?.split('\n').map(printable).join('\n') ?? null;
  return { ...allPrintable(report), error };
}

class Run {
  private readonly progress: Progress;
  private readonly startedAt = new Date();
  private readonly done: SeriesReport[] = [];
  private listing: Listing = { series: [], unreadable: [], ignored: [] };
  private card: ModelCard | null = null;
  private info: EngineInfo | null = null;
  private engine: Engine | null = null;
  private guard: GuardSettings | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly process: Process,
  ) {
    this.progress = textProgress(process.stderr);
  }

  /** Does the work; nothing is thrown that the report can say. */
  async execute(): Promise<Report> {
    let exitCode: number;
    let error: string | null = null;
    try {
      exitCode = await this.executeAll();
    } catch (thrown) {
      exitCode = this.process.signal.aborted ? EXIT.interrupted : codeOf(thrown);
      error = this.process.signal.aborted
        ? 'Interrupted. What is done is kept; run again to go on.'
        : textOf(thrown);
    } finally {
      this.progress.end();
      await this.engine?.dispose();
    }
    const { card } = this;
    return {
      product: PRODUCT.modelName,
      version: PRODUCT.version,
      startedAt: this.startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      exitCode,
      strength: this.settings.strength,
      model: card && { id: card.id, version: card.version, sha256: card.sha256 },
      runtime: this.info?.runtime ?? null,
      series: this.done,
      unreadable: this.listing.unreadable,
      ignored: this.listing.ignored,
      ignoredFiles: this.listing.ignored.length,
      error,
    };
  }

  private async executeAll(): Promise<number> {
    const { settings, process } = this;
    this.guard = await guardSettings(settings.guards, settings.guardLimits);
    this.engine = createNodeEngine({
      ...(await chooseModel(settings.model, process.modelsFolder)),
      ...(process.createThread && { createThread: process.createThread }),
      providers: [settings.provider],
      ...(settings.threads !== null && { threads: settings.threads }),
    });
    this.card = await this.engine.card(process.signal);
    this.listing = await this.list();
    const { series, unreadable } = this.listing;
    if (series.length === 0) throw new SourceError('There is no DICOM image to read.');

    const target = this.target();
    for (const [index, each] of series.entries()) {
      process.signal.throwIfAborted();
      this.done.push(await this.executeSeries(index, each, target));
    }
    const outcomes = new Set(this.done.map(({ outcome }) => outcome));
    if (outcomes.has('interrupted')) return EXIT.interrupted;
    const mayPass = unreadable.some(({ conflict }) => !conflict);
    if (outcomes.has('incomplete') || outcomes.has('busy') || mayPass) return EXIT.incomplete;
    if (unreadable.length > 0) return EXIT.conflict;
    return outcomes.has('done') || outcomes.has('listed') ? EXIT.done : EXIT.refused;
  }

  private list(): Promise<Listing> {
    const { source } = this.settings;
    const { env, signal } = this.process;
    if (source.kind === 'folder')
      return listFolder(source.path, signal, (read, total) => this.progress.listing(read, total));
    const options = dicomWebOptions(source.root, env['ISCL_FROM_AUTHORIZATION'], this.settings.timeoutMs);
    return listDicomWeb(source, options, signal, (what, seconds) => this.progress.waiting(what, seconds));
  }

  /** Null with --dry-run. */
  private target(): Target | null {
    const { target, state } = this.settings;
    if (!target) return null;
    if (target.kind === 'folder') return folderTarget(target.path, target.flat);
    return dicomWebTarget(
      dicomWebOptions(target.root, this.process.env['ISCL_TO_AUTHORIZATION'], this.settings.timeoutMs),
      join(state, 'journal'),
    );
  }

  /** @throws ProviderError with what a command line can do about it; the notice's own words are for a browser */
  private async prepare(): Promise<EngineInfo> {
    try {
      return await this.engine!.prepare(step => this.progress.preparing(step), this.process.signal);
    } catch (cause) {
      if (this.settings.provider !== 'webgpu' || !(cause instanceof DenoiseError)) throw cause;
      const { notice } = cause;
      if (notice.kind !== 'fault' || OF_THE_MODEL.includes(notice.code)) throw cause;
      // ONNX Runtime puts its own source line and the failed condition before what happened.
      const what =
        ('detail' in notice && notice.detail?.split('\n')[0]?.replace(/^.* was false\. /, '')) || '';
      const detail = what && ` (${what.trim()})`;
      throw new ProviderError(
        `WebGPU cannot be used here${detail}. Nothing was written. It needs a graphics adapter with a Vulkan, Metal or Direct3D 12 driver; ` +
          'on Linux also libvulkan1. Install them, or use --provider cpu.',
        { cause },
      );
    }
  }

  private async executeSeries(
    index: number,
    series: SourceSeries,
    target: Target | null,
  ): Promise<SeriesReport> {
    const verdict = await judge(series, this.card!, this.process.signal);
    if (verdict.kind === 'refused') return listedSeries(series, verdict, 'refused');
    if (!target) return listedSeries(series, verdict, 'listed');
    // Loaded once, when the first series is accepted; a model that cannot run stops the command, not a series.
    this.info ??= await this.prepare();
    this.progress.series(index, this.listing.series.length, '');
    return runSeries(series, verdict, {
      engine: this.engine!,
      info: this.info,
      target,
      strength: this.settings.strength,
      createdAt: this.startedAt,
      guard: this.guard!,
      progress: this.progress,
      signal: this.process.signal,
    });
  }
}

/** The provider that was asked for cannot run here. */
class ProviderError extends Error {
  override readonly name = 'ProviderError';
}

/** Faults of a model, not of what computes it. */
const OF_THE_MODEL = ['model-download', 'model-hash', 'model-manifest', 'self-test', 'cancelled'];

function codeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof SourceError) return EXIT.source;
  if (error instanceof TargetError) return EXIT.target;
  if (error instanceof DenoiseError || error instanceof ProviderError) return EXIT.engine;
  return EXIT.internal;
}

function textOf(error: unknown): string {
  if (error instanceof DenoiseError) return printable(whatHappened(error.notice));
  const told = [UsageError, SourceError, TargetError, ProviderError];
  if (told.some(kind => error instanceof kind)) return printable((error as Error).message);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
