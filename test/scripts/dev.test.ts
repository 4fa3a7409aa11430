import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { utimes } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** `npm run dev`, as npm starts it. */
class Dev {
  readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private heard: (() => void) | undefined;

  constructor(...flags: string[]) {
    this.child = spawn(process.execPath, ['scripts/setup.mjs', 'dev', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface(this.child.stdout!).on('line', line => {
      this.lines.push(line);
      this.heard?.();
    });
  }

  /** The next line that matches; lines before it are dropped. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.lines.shift() ?? '');
      if (match) return match;
      if (this.lines.length === 0) await new Promise<void>(resolve => (this.heard = resolve));
    }
  }
}

it('serves a build with source maps, and after a change a newer one that an open page asks for', async () => {
  const dev = new Dev('--port', '0');
  try {
    const [, url] = await dev.line(/viewer is at (\S+);/);
    const file = async (name: string) =>
      (await fetch(new URL(`plugins/iscl-ct-denoise/${name}`, url))).text();
    const extension = await file('extension.js');
    const [, map] = /sourceMappingURL=data:application\/json;charset=utf-8;base64,(\S+)\s*$/.exec(extension)!;
    const { sources } = JSON.parse(Buffer.from(map!, 'base64').toString()) as { sources: string[] };
    expect(sources.some(source => source.endsWith('/extension/index.ts'))).toBe(true);
    // scripts/dev-client.mjs in the page asks for build.txt and takes a newer build over.
    expect(sources.some(source => source.endsWith('/scripts/dev-client.mjs'))).toBe(true);
    const before = await file('build.txt');
    expect(before).toMatch(/^\d+$/);

    const now = new Date();
    await utimes('extension/index.ts', now, now);
    await dev.line(/Built in \d+ ms/);
    expect(Number(await file('build.txt'))).toBeGreaterThan(Number(before));
  } finally {
    dev.child.kill('SIGTERM');
    await once(dev.child, 'exit');
  }
}, 180_000);

it('names an option that it does not know, and ends', async () => {
  const dev = new Dev('--prot', '0');
  const [code] = (await once(dev.child, 'exit')) as [number];
  expect(code).toBe(1);
}, 60_000);
