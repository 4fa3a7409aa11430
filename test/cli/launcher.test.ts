import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Report } from '../../cli/report';
import { ctSeries, filesIn, folderOf, MODELS, removeTemporary, temporary } from './command';

afterAll(removeTemporary);

/** The command as npm installs it: a process of its own. */
function launch(
  argv: readonly string[],
  during?: (child: ChildProcess) => void,
): Promise<{ code: number | null; report: Report }> {
  const models = ['--model', join(MODELS, 'manifest.json')];
  const launcher = resolve('cli/iscl-denoise.mjs');
  const child = spawn(process.execPath, [launcher, ...argv, ...models, '--json', '--threads', '1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout!.on('data', chunk => (stdout += String(chunk)));
  during?.(child);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', code => done({ code, report: JSON.parse(stdout) as Report }));
  });
}

it.each(['SIGINT', 'SIGTERM'] as const)(
  '%s: exit code 130, whole files only; the same command does the rest',
  async signal => {
    const input = await folderOf(ctSeries(24, { size: 512 }));
    const output = await temporary();
    const first = await launch([input, output], child => {
      const watch = setInterval(async () => {
        if ((await filesIn(output)).length === 0) return;
        clearInterval(watch);
        child.kill(signal);
      }, 10);
    });
    expect(first.code).toBe(130);
    expect(first.report).toMatchObject({ exitCode: 130, series: [{ outcome: 'interrupted' }] });
    const files = await filesIn(output);
    expect(files.length).toBe(first.report.series[0]!.written);
    expect(files.length).toBeLessThan(24);
    expect(files.every(file => file.endsWith('.dcm'))).toBe(true);

    const second = await launch([input, output]);
    expect(second.code).toBe(0);
    expect(second.report.series).toMatchObject([
      { outcome: 'done', kept: files.length, written: 24 - files.length },
    ]);
  },
);
