import { spawn, type ChildProcess } from 'node:child_process';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with the process as soon as it runs. */
  readonly during?: (child: ChildProcess) => void | Promise<void>;
}

/** Runs a process to its end. @returns its exit code and output @throws if it cannot start */
export function start(
  file: string,
  args: readonly string[],
  { during, ...options }: Options = {},
): Promise<Ended> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', chunk => (stdout += String(chunk)));
  child.stderr.on('data', chunk => (stderr += String(chunk)));
  void during?.(child);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', code => done({ code, stdout, stderr }));
  });
}

/** @returns standard output @throws with all output, when it fails */
export async function command(file: string, args: readonly string[], options: Options = {}): Promise<string> {
  const { code, stdout, stderr } = await start(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}
