/**
 * Prints SOP Instance UID and SHA-256 of every derived file, so that two versions of the code can be compared byte for byte.
 *
 *   npx tsx bench/derived-bytes.ts command > before.txt      (real series need ../shared/data)
 *   npx tsx bench/derived-bytes.ts viewer > before.txt       (needs `npm run build` and Chromium)
 *   diff before.txt after.txt
 *
 * The clock stands still, because dates of creation are part of the files. Every series runs with one CPU thread: other numbers of threads add up in another
 * order, which may change an HU here and there.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { unzipSync } from 'fflate';
import { main } from '../cli/main';
import { naturalize, parsePart10 } from '../src/dicom';
import { Viewer } from '../test/browser/viewer';

const MOMENT = Date.UTC(2026, 0, 2, 3, 4, 5);
const DATA = '../shared/data';

interface Input {
  readonly folder: string;
  /** Percent. */
  readonly strength: number;
}

/** Lossless and not, with and without padding, signed and unsigned, tilted; the conformance files hold one of every other kind. */
const COMMAND_INPUTS: readonly Input[] = [
  { folder: 'server/demo/quarter', strength: 100 },
  { folder: 'server/demo/full', strength: 40 },
  { folder: `${DATA}/ct/CMB-CRC-MSB-01068_LUNG`, strength: 100 },
  { folder: `${DATA}/ct/C3L-00189_LUNG_5mm`, strength: 35 },
  { folder: `${DATA}/phantom/plastic-head_tilt16.5`, strength: 60 },
  { folder: `${DATA}/stacks/LIDC-IDRI-0476_BONE_1.25mm`, strength: 100 },
  { folder: `${DATA}/stacks/LungFCP-01-0006_B50f_2mm`, strength: 0 },
  { folder: `${DATA}/conformance`, strength: 75 },
];

const VIEWER_INPUTS: readonly Input[] = [
  { folder: 'server/demo/quarter', strength: 60 },
  { folder: `${DATA}/ct/CMB-CRC-MSB-01068_LUNG`, strength: 100 },
  { folder: `${DATA}/stacks/LungFCP-01-0006_B50f_2mm`, strength: 35 },
];

class StoppedDate extends Date {
  constructor(...given: [] | [number | string | Date]) {
    super(given.length === 0 ? MOMENT : given[0]);
  }
  static override now(): number {
    return MOMENT;
  }
}

function line(bytes: Uint8Array): string {
  const uid = naturalize(parsePart10(bytes)).SOPInstanceUID;
  return `${uid} ${createHash('sha256').update(bytes).digest('hex')}`;
}

function print({ folder, strength }: Input, lines: readonly string[]): void {
  console.log(`# ${folder.replace(DATA, 'shared/data')} at ${strength} %: ${lines.length} files`);
  for (const each of [...lines].sort()) console.log(each);
}

async function byCommand({ folder, strength }: Input): Promise<string[]> {
  const output = await mkdtemp(join(tmpdir(), 'iscl-bytes-'));
  try {
    await main({
      argv: ['--strength', String(strength), '--threads', '1', '--model', 'ct-fast', folder, output],
      env: process.env,
      stdout: { write: () => true },
      stderr: process.stderr,
      modelsFolder: resolve('models'),
      createThread: () => new Worker(resolve('cli/engine-thread.mjs')),
      signal: new AbortController().signal,
    });
    const files = await readdir(output, { recursive: true });
    const images = files.filter(name => name.endsWith('.dcm'));
    return await Promise.all(images.map(async name => line(await readFile(join(output, name)))));
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function byViewer({ folder, strength }: Input): Promise<string[]> {
  const viewer = await Viewer.open({
    folders: [resolve(folder)],
    engine: { providers: ['wasm'], threads: 1, modelId: 'ct-fast' },
  });
  try {
    await viewer.page.clock.setFixedTime(MOMENT);
    const studies = (await (await fetch(`${viewer.server.url}dicomweb/studies`)).json()) as {
      '0020000D': { Value: string[] };
    }[];
    await viewer.openStudy(studies[0]!['0020000D'].Value[0]!);
    await viewer.cy('iscl-denoise').click();
    await viewer.page.waitForSelector('[data-cy="iscl-progress"][data-state="done"]', { timeout: 900_000 });
    await viewer.setStrength(strength);
    const coming = viewer.page.waitForEvent('download', { timeout: 300_000 });
    await viewer.cy('iscl-zip').click();
    const files = unzipSync(await readFile(await (await coming).path()));
    return Object.values(files).map(line);
  } finally {
    await viewer.close();
  }
}

async function run(): Promise<void> {
  const [face] = process.argv.slice(2);
  if (face !== 'command' && face !== 'viewer') throw new Error('Which face: command or viewer?');
  process.env['TZ'] = 'UTC';
  if (face === 'command') globalThis.Date = StoppedDate as DateConstructor;
  for (const input of face === 'command' ? COMMAND_INPUTS : VIEWER_INPUTS) {
    if (existsSync(input.folder)) print(input, await (face === 'command' ? byCommand : byViewer)(input));
    else console.warn(`skipped: ${input.folder} is absent`);
  }
}

void run();
