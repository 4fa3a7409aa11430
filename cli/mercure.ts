/**
 * mercure's module contract (mercure docs, "Module Development"): images in MERCURE_IN_DIR, results flat in MERCURE_OUT_DIR, settings in
 * task.json under process.settings, result.json for the dashboard, a non-zero exit for failure.
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  const { strength, model, provider, threads, guards, ...unknown } = await taskSettings(input);
  const [first] = Object.keys(unknown);
  if (first !== undefined) throw new UsageError(`task.json: there is no setting "${first}"`);
  return {
    source: { kind: 'folder', path: input },
    target: { kind: 'folder', path: output, flat: true },
    strength: readStrength(String(strength ?? 100)),
    model: model === undefined ? null : String(model),
    provider: readProvider(String(provider ?? 'cpu')),
    threads: threads === undefined ? null : readThreads(String(threads)),
    json: false,
    guards: readGuards(String(guards ?? (env['ISCL_GUARDS'] || 'stop'))),
    guardLimits: null,
    state: join(tmpdir(), 'iscl-denoise'),
  };
}

async function taskSettings(folder: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(join(folder, 'task.json'), 'utf8');
  } catch {
    // Run by hand without one: the defaults.
    return {};
  }
  try {
    const task = JSON.parse(text) as { process?: unknown };
    // A rule with several modules has a list; each container is given the settings of its own step as the only one.
    const step = (Array.isArray(task.process) ? task.process[0] : task.process) as
      { settings?: unknown } | undefined;
    const settings = step?.settings ?? {};
    if (typeof settings !== 'object' || Array.isArray(settings))
      throw new TypeError('process.settings is no object');
    return settings as Record<string, unknown>;
  } catch (cause) {
    throw new UsageError(`task.json cannot be read: ${(cause as Error).message}`, { cause });
  }
}

export async function writeMercureResult(env: NodeJS.ProcessEnv, report: Report): Promise<void> {
  await writeAtomically(
    join(env['MERCURE_OUT_DIR']!, 'result.json'),
    JSON.stringify({ iscl_denoise: report }, null, 2),
  );
}
