import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export type SourceSpec =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 'dicomweb';
      readonly root: string;
      readonly study: string;
      readonly series: string | null;
    };

export type TargetSpec =
  /** `flat`: all files in one folder, named `[SeriesInstanceUID]#[SOPInstanceUID].dcm` (mercure). */
  | { readonly kind: 'folder'; readonly path: string; readonly flat: boolean }
  | { readonly kind: 'dicomweb'; readonly root: string };

export type GuardMode = 'stop' | 'warn';

export interface Settings {
  readonly source: SourceSpec;
  /** Null with --dry-run. */
  readonly target: TargetSpec | null;
  /** 0 to 1. */
  readonly strength: number;
  /** Id in the manifest, or a path; null: the manifest's default. */
  readonly model: string | null;
  readonly provider: 'cpu' | 'webgpu';
  readonly threads: number | null;
  readonly json: boolean;
  /** For one answer of an archive; null: the default of src/store. */
  readonly timeoutMs: number | null;
  readonly guards: GuardMode;
  /** A JSON file; null: the defaults. */
  readonly guardLimits: string | null;
  /** Where an interrupted store keeps its journal. */
  readonly state: string;
}

/** An argument or setting that cannot be used; the message names it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage:
  iscl-denoise [options] IN_DIR OUT_DIR
  iscl-denoise [options] --from DICOMWEB --study UID [--series UID] --to DICOMWEB
  iscl-denoise                       with MERCURE_IN_DIR and MERCURE_OUT_DIR set

Denoises every CT series that the model covers and writes each as a new series. The source is never
changed. Run the same command again after an interruption: it keeps complete images and makes the others.

  --from URL        DICOMweb root to read from, instead of IN_DIR
  --study UID       Study Instance UID to read; required with --from
  --series UID      one series of the study; default all CT series
  --to URL          DICOMweb root to store to, instead of OUT_DIR
  --strength N      0.1 to 100, in percent; default 100
  --model ID|PATH   an id of models/manifest.json, a manifest, or an .onnx file beside its manifest
  --provider NAME   cpu (default) or webgpu
  --threads N       CPU threads; default all
  --guards MODE     stop (default): write nothing of a series where the model loses faint lesions, shifts HU, blurs
                    or adds texture; warn: write it, and report that
  --guard-limits F  a JSON file with limits of the site (docs/batch.md)
  --timeout SECONDS how long one answer of an archive may take; default 60
  --dry-run         list each series, denoised or refused with the reason, and stop
  --json            print the report as JSON
  --state DIR       journal of interrupted stores; default $XDG_STATE_HOME/iscl-denoise
  --version, --help

Environment: ISCL_FROM_AUTHORIZATION, ISCL_TO_AUTHORIZATION: values of the Authorization header. ISCL_GUARDS: MODE
where --guards is not given.
Exit codes: 0 done, 1 defect, 2 usage, 3 all refused, 4 incomplete (run again), 5 source, 6 model or
provider, 7 target, 8 images share an SOP Instance UID (running again is no use), 130 interrupted (run again).
`;

const UID = /^[0-9]+(\.[0-9]+)*$/;

/** @throws UsageError */
export function readArguments(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Settings | 'help' | 'version' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const dryRun = values['dry-run'] ?? false;
  const folders = [...positionals];
  const source = readSource(values, folders);
  let target: TargetSpec | null = null;
  if (values.to !== undefined) target = { kind: 'dicomweb', root: rootOf('--to', values.to) };
  else if (folders.length > 0) target = { kind: 'folder', path: folders.shift()!, flat: false };
  if (folders.length > 0) throw new UsageError(`unexpected argument "${folders[0]}"`);
  if (!target && !dryRun) throw new UsageError('where to? Give OUT_DIR or --to');
  return {
    source,
    target: dryRun ? null : target,
    strength: readStrength(values.strength ?? '100'),
    model: values.model ?? null,
    provider: readProvider(values.provider ?? 'cpu'),
    threads: values.threads === undefined ? null : readThreads(values.threads),
    json: values.json ?? false,
    timeoutMs: values.timeout === undefined ? null : readTimeout(values.timeout),
    guards: readGuards(values.guards ?? (env['ISCL_GUARDS'] || 'stop')),
    guardLimits: values['guard-limits'] ?? null,
    state: values.state ?? join(env['XDG_STATE_HOME'] || join(home(env), '.local', 'state'), 'iscl-denoise'),
  };
}

/** A container may run under a user id that has no entry in passwd; homedir() throws then. */
function home(env: NodeJS.ProcessEnv): string {
  try {
    return env['HOME'] || homedir();
  } catch {
    return tmpdir();
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        from: { type: 'string' },
        study: { type: 'string' },
        series: { type: 'string' },
        to: { type: 'string' },
        strength: { type: 'string' },
        model: { type: 'string' },
        provider: { type: 'string' },
        threads: { type: 'string' },
        timeout: { type: 'string' },
        state: { type: 'string' },
        guards: { type: 'string' },
        'guard-limits': { type: 'string' },
        json: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

function readSource(
  values: { readonly from?: string; readonly study?: string; readonly series?: string },
  folders: string[],
): SourceSpec {
  const { from, study, series } = values;
  if (from === undefined) {
    if (study !== undefined || series !== undefined) throw new UsageError('--study and --series need --from');
    const path = folders.shift();
    if (path === undefined) throw new UsageError('where from? Give IN_DIR or --from');
    return { kind: 'folder', path };
  }
  if (study === undefined) throw new UsageError('--from needs --study');
  for (const uid of [study, series ?? '1']) if (!UID.test(uid)) throw new UsageError(`"${uid}" is not a UID`);
  return { kind: 'dicomweb', root: rootOf('--from', from), study, series: series ?? null };
}

function rootOf(option: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text))
    throw new UsageError(`${option} "${text}" is not an http(s) address`);
  const { username, password, search, hash } = new URL(text);
  // It would stand in reports, logs and the list of processes.
  if (username || password || search || hash) {
    throw new UsageError(
      `${option}: a DICOMweb root has no login, "?" or "#"; ISCL_${option.slice(2).toUpperCase()}_AUTHORIZATION holds the login`,
    );
  }
  return text.replace(/\/+$/, '');
}

/** @param text percent @returns above 0, to 1 @throws UsageError */
export function readStrength(text: string): number {
  const percent = Number(text);
  // At 0 the result would be the source itself, named as denoised.
  if (text.trim() === '' || !(percent >= 0.1 && percent <= 100))
    throw new UsageError(`--strength "${text}" is not 0.1 to 100`);
  return percent / 100;
}

/** @throws UsageError */
export function readProvider(text: string): 'cpu' | 'webgpu' {
  if (text === 'cpu' || text === 'webgpu') return text;
  throw new UsageError(`--provider "${text}" is neither cpu nor webgpu`);
}

/** @throws UsageError */
export function readGuards(text: string): GuardMode {
  if (text === 'stop' || text === 'warn') return text;
  throw new UsageError(`--guards "${text}" is neither stop nor warn`);
}

/** @throws UsageError */
export function readThreads(text: string): number {
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1) throw new UsageError(`--threads "${text}" is not a count`);
  return threads;
}

/** @returns milliseconds @throws UsageError */
function readTimeout(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 1 && seconds <= 86_400))
    throw new UsageError(`--timeout "${text}" is not 1 to 86400 seconds`);
  return Math.round(seconds * 1000);
}
