/**
 * mercure's module contract (mercure docs, "Module Development"): images in MERCURE_IN_DIR, results flat in MERCURE_OUT_DIR, settings in
 * task.json under process.settings, result.json for the dashboard, a non-zero exit for failure.
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeAtomically } from '../src/store/node';
import { readGuards, readProvider, readStrength, readThreads, UsageError, type Settings } from './arguments';
import type { Report } from './report';

/** Null when the command was not started by mercure. @throws UsageError for settings that cannot be followed */
export async function mercureSettings(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Settings | null> {
  const { MERCURE_IN_DIR: input, MERCURE_OUT_DIR: output } = env;
  if (!input || !output || argv.length > 0) return null;
  const { strength, model, provider, threads, guards } = await taskSettings(input);
  return {
    source: { kind: 'folder', path: input },
    target: { kind: 'folder', path: output, flat: true },
    strength: readStrength(String(strength ?? 100)),
    model: model === undefined ? null : String(model),
    provider: readProvider(String(provider ?? 'cpu')),
    threads: threads === undefined ? null : readThreads(String(threads)),
    json: false,
    timeoutMs: null,
    guards: readGuards(String(guards ?? (env['ISCL_GUARDS'] || 'stop'))),
    guardLimits: null,
    state: join(tmpdir(), 'iscl-denoise'),
  };
}

const value = v.union([v.string(), v.number()], 'is neither a text nor a number');
const SETTINGS = v.strictObject(
  {
    strength: v.exactOptional(value),
    model: v.exactOptional(value),
    provider: v.exactOptional(value),
    threads: v.exactOptional(value),
    guards: v.exactOptional(value),
  },
  ({ expected }) => (expected === 'never' ? 'is no setting' : 'is no object'),
);
const STEP = v.looseObject({ settings: v.nullish(SETTINGS, {}) }, 'is no object');
/** A rule with several modules has a list; each container is given the settings of its own step as the only one. */
const TASK = v.pipe(
  v.looseObject({ process: v.optional(v.unknown()) }, 'is no object'),
  v.transform(({ process }) => (Array.isArray(process) ? (process[0] as unknown) : process)),
  v.nullish(STEP),
);

async function taskSettings(folder: string): Promise<v.InferOutput<typeof SETTINGS>> {
  let text: string;
  try {
    text = await readFile(join(folder, 'task.json'), 'utf8');
  } catch {
    // Run by hand without one: the defaults.
    return {};
  }
  let task: unknown;
  try {
    task = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`task.json cannot be read: ${(cause as Error).message}`, { cause });
  }
  const checked = v.safeParse(TASK, task, { abortEarly: true });
  if (checked.success) return checked.output?.settings ?? {};
  const [issue] = checked.issues;
  throw new UsageError(`task.json: ${[v.getDotPath(issue), issue.message].filter(Boolean).join(' ')}`);
}

export async function writeMercureResult(env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  await writeAtomically(
    join(env['MERCURE_OUT_DIR']!, 'result.json'),
    JSON.stringify({ iscl_denoise: report }, null, 2),
  );
}
