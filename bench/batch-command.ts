import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import type { Report } from '../cli/report';

export interface Usage {
  /** Seconds, from the start of the process to its end. */
  readonly wall: number;
  /** Seconds of processor, all threads. */
  readonly cpu: number;
  readonly peakMiB: number;
  readonly report: Report;
}

/** The command, a script with its first arguments, in a process of its own, watched through /proc. What it wrote is removed. */
export async function watched(
  script: readonly string[],
  input: string,
  output: string,
  threads: number,
): Promise<Usage> {
  const started = performance.now();
  const child = spawn(process.execPath, [...script, input, output, '--json', '--threads', String(threads)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let [cpu, peakMiB] = [0, 0];
  const look = setInterval(() => {
    Promise.all([readFile(`/proc/${child.pid}/stat`, 'utf8'), readFile(`/proc/${child.pid}/status`, 'utf8')])
      .then(([stat, status]) => {
        // Fields 14 and 15 of proc(5), in hundredths of a second; the name before them may hold blanks.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        cpu = Math.max(cpu, (Number(fields[11]) + Number(fields[12])) / 100);
        peakMiB = Math.max(peakMiB, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      })
      .catch(() => undefined); // It has just ended.
  }, 100);
  let stdout = '';
  child.stdout.on('data', chunk => (stdout += String(chunk)));
  const code = await new Promise(ended => child.once('close', ended));
  clearInterval(look);
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${stdout}`);
  await rm(output, { recursive: true });
  return { wall: (performance.now() - started) / 1000, cpu, peakMiB, report: JSON.parse(stdout) as Report };
}
