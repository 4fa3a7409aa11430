/**
 * From a change of a source file to its effect on screen under `npm run dev`, in the machine's Chromium: `npx tsx bench/dev.ts`. Changes the
 * panel's first heading five times and puts the file back.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { CHROMIUM, FLAGS } from '../test/browser/viewer';
import { machine } from './measure';

const SOURCE = 'extension/panel/RunSection.tsx';
const HEADING = 'title="Series"';
const CHANGES = 5;

/** `npm run dev` on a free port. Resolves to the viewer's address and a function that resolves at the next finished build. */
async function startDev() {
  const child = spawn(process.execPath, ['scripts/setup.mjs', 'dev', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const line = (pattern: RegExp) =>
    new Promise<RegExpExecArray>(resolve =>
      lines.on('line', text => {
        const match = pattern.exec(text);
        if (match) resolve(match);
      }),
    );
  const [, url] = await line(/The viewer is at (\S+);/);
  return { url: url!, built: () => line(/Built in/), stop: () => child.kill('SIGTERM') };
}

async function main(): Promise<void> {
  const original = await readFile(SOURCE, 'utf8');
  if (!original.includes(HEADING)) throw new Error(`${SOURCE} no longer holds ${HEADING}`);
  const dev = await startDev();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  try {
    const studies = (await (await fetch(`${dev.url}dicomweb/studies`)).json()) as {
      '0020000D': { Value: string[] };
    }[];
    const page = await browser.newPage({ viewport: { width: 1400, height: 850 } });
    await page.goto(`${dev.url}low-dose-ct?StudyInstanceUIDs=${studies[0]!['0020000D'].Value[0]!}`);
    await page.getByText('Series', { exact: true }).first().waitFor({ timeout: 120_000 });
    console.log(`${machine()}\n\n| change | built after, ms | on screen after, ms |\n| ---: | ---: | ---: |`);
    for (let i = 1; i <= CHANGES; i++) {
      const built = dev.built();
      const start = performance.now();
      await writeFile(SOURCE, original.replace(HEADING, `title="Series ${i}"`));
      await built;
      const afterBuild = performance.now() - start;
      await page.getByText(`Series ${i}`, { exact: true }).first().waitFor({ timeout: 120_000 });
      const onScreen = performance.now() - start;
      console.log(`| ${i} | ${afterBuild.toFixed(0)} | ${onScreen.toFixed(0)} |`);
    }
  } finally {
    await writeFile(SOURCE, original);
    await browser.close();
    dev.stop();
  }
}

void main();
