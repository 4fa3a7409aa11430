/**
 * The embedded server: reading headers, and indexing a folder while the study list is asked for.
 *
 *   npx tsx bench/server.ts [FOLDER] [FILES]
 *
 * Headers: every file of FOLDER (default ../shared/data) by the server's reader (src/dicom) and by dcmjs, both stopping before the
 * pixel data. Index: FILES (default 10000) instances of 64x64 in 40 series, made in a temporary folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import dcmjs from 'dcmjs';
import { parseHeader } from '../src/dicom';
import { Bench, part10 } from '../test/unit/server-fixtures';

const [folder = '../shared/data', count = '10000'] = process.argv.slice(2);

interface Reader {
  log: { setLevel(level: string): void };
  data: { DicomMessage: { readFile(bytes: ArrayBuffer, options: object): unknown } };
}
const { data, log } = dcmjs as unknown as Reader;

function headers(): void {
  if (!existsSync(folder)) return console.log(`headers: not measured, ${folder} is not there`);
  log.setLevel('silent');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.dcm'))
    .map(entry => readFileSync(join(entry.parentPath, entry.name)));
  const readers: [string, (bytes: Buffer) => unknown][] = [
    ['src/dicom', bytes => parseHeader(bytes)],
    [
      'dcmjs',
      bytes =>
        data.DicomMessage.readFile(new Uint8Array(bytes).buffer, {
          untilTag: '7FE00010',
          includeUntilTagValue: false,
        }),
    ],
  ];
  const original = console.warn;
  console.warn = () => {};
  for (const [name, read] of readers) {
    let refused = 0;
    const begin = performance.now();
    for (const bytes of files) {
      try {
        read(bytes);
      } catch {
        refused += 1;
      }
    }
    const each = (performance.now() - begin) / files.length;
    console.log(`headers, ${name}: ${each.toFixed(2)} ms each, ${refused} of ${files.length} refused`);
  }
  console.warn = original;
}

async function index(files: number): Promise<void> {
  const bench = new Bench();
  const pixels = new Int16Array(64 * 64);
  for (let i = 0; i < files; i += 1) {
    const series = i % 40;
    const made = { sop: `2.25.7.${i}`, series: `2.25.6.${series}`, study: `2.25.5.${series}`, pixels };
    bench.write(
      `dicom/${series}/${i}.dcm`,
      part10({ ...made, with: { Rows: 64, Columns: 64, InstanceNumber: i } }),
    );
  }
  const begin = performance.now();
  const { url, indexed } = await bench.launch();
  const listening = performance.now() - begin;
  let slowest = 0;
  let isDone = false;
  const done = indexed().then(() => (isDone = true));
  while (!isDone) {
    const asked = performance.now();
    await (await fetch(`${url}dicomweb/studies?limit=101`)).text();
    slowest = Math.max(slowest, performance.now() - asked);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  await done;
  const all = performance.now() - begin;
  const asked = performance.now();
  const metadata = await (await fetch(`${url}dicomweb/studies/2.25.5.1/series/2.25.6.1/metadata`)).text();
  const took = performance.now() - asked;
  console.log(
    `index: listening after ${listening.toFixed(0)} ms, ${files} files after ${(all / 1000).toFixed(1)} s`,
  );
  console.log(`index: slowest answer of the study list meanwhile ${slowest.toFixed(0)} ms`);
  console.log(
    `metadata of a series of ${Math.ceil(files / 40)}: ${took.toFixed(0)} ms, ${(metadata.length / 1e6).toFixed(1)} MB`,
  );
  console.log(`memory of the process: ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`);
  await bench.close();
}

headers();
await index(Number(count));
