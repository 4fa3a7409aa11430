/** @jest-environment ./test/node-environment.cjs */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { wrongInGraph } from './model-graph';
import { createNodeEngine } from './node';

/* A model of a site is hostile input until it has been looked at. */

const BOX = resolve('test/fixtures/box-model');
const box = readFileSync(join(BOX, 'box.onnx'));
const graphOfBox = readFileSync(join(BOX, 'box.wasm.onnx'));

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
const field = (number: number, content: Uint8Array | string | number): Buffer =>
  typeof content === 'number'
    ? Buffer.from([...varint(number * 8), ...varint(content)])
    : Buffer.concat([
        Buffer.from([...varint(number * 8 + 2), ...varint(content.length)]),
        Buffer.from(content),
      ]);
const node = (operator: string, domain = '', ...more: Buffer[]) =>
  field(1, Buffer.concat([field(4, operator), ...(domain ? [field(7, domain)] : []), ...more]));
const model = (...graph: Buffer[]) => field(7, Buffer.concat(graph));
const external = (...entries: [string, string][]) =>
  field(
    5,
    Buffer.concat([
      ...entries.map(([key, value]) => field(13, Buffer.concat([field(1, key), field(2, value)]))),
      field(14, 1),
    ]),
  );

describe('a graph', () => {
  test('of the shipped models and of the tests is let through', () => {
    for (const folder of ['models', BOX]) {
      for (const name of readdirSync(folder).filter(file => file.endsWith('.onnx'))) {
        const main = name.replace('.wasm', '');
        const beside = name === main ? null : { file: main, bytes: readFileSync(join(folder, main)).length };
        expect([name, wrongInGraph(readFileSync(join(folder, name)), beside)]).toEqual([name, null]);
      }
    }
  });
  test.each([
    ['a loop', model(node('Conv'), node('Loop')), /"Loop"/],
    ['a branch', model(node('If')), /"If"/],
    ["a maker's own operator", model(node('Conv', 'com.example')), /"com.example"/],
    [
      'one inside a graph of an attribute',
      model(node('Conv', '', field(5, field(6, node('Scan'))))),
      /"Scan"/,
    ],
    [
      'one inside a function',
      Buffer.concat([model(node('Conv')), field(25, field(7, field(4, 'Loop')))]),
      /"Loop"/,
    ],
    ['no graph', field(1, 8), /no ONNX file/],
    ['a text', Buffer.from('<html>sign in</html>'), /no ONNX file/],
    ['half a model', box.subarray(0, 100), /no ONNX file/],
    ['nothing', Buffer.alloc(0), /no ONNX file/],
  ])('with %s is refused', (_, bytes, reason) => {
    expect(wrongInGraph(bytes, null)).toMatch(reason);
  });
  test.each<[string, [string, string][]]>([
    [
      'another file',
      [
        ['location', '/etc/passwd'],
        ['length', '10'],
      ],
    ],
    [
      'a folder above',
      [
        ['location', '../box.onnx'],
        ['length', '10'],
      ],
    ],
    [
      'beyond the end',
      [
        ['location', 'box.onnx'],
        ['offset', '230'],
        ['length', '10'],
      ],
    ],
    [
      'a negative place',
      [
        ['location', 'box.onnx'],
        ['offset', '-5'],
        ['length', '10'],
      ],
    ],
    ['no length', [['location', 'box.onnx']]],
    ['no place at all', []],
  ])('with weights in %s is refused', (_, entries) => {
    const bytes = model(node('Conv'), external(...entries));
    expect(wrongInGraph(bytes, { file: 'box.onnx', bytes: box.length })).toMatch(/weights/);
    expect(wrongInGraph(bytes, null)).toMatch(/weights/);
  });
  test('whose weights lie in the hashed file is let through, but not where nothing is beside it', () => {
    expect(wrongInGraph(graphOfBox, { file: 'box.onnx', bytes: box.length })).toBeNull();
    expect(wrongInGraph(graphOfBox, null)).toMatch(/which nothing vouches for/);
  });
});

describe('a folder with a model', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iscl-hostile-'));
    cpSync(BOX, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  /** Changes the one model of the manifest. */
  const edit = (change: (model: Record<string, unknown> & { golden: Record<string, unknown> }) => void) => {
    const file = join(folder, 'manifest.json');
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    change(manifest.models[0]);
    writeFileSync(file, JSON.stringify(manifest));
  };
  const prepare = async () => {
    const engine = createNodeEngine({ manifestPath: join(folder, 'manifest.json'), threads: 1 });
    await engine.prepare().finally(() => engine.dispose());
  };
  const fails = (code: string, detail: RegExp) =>
    expect(prepare()).rejects.toMatchObject({ notice: { code, detail: expect.stringMatching(detail) } });

  test.each([
    ['a device', '/dev/zero'],
    ['a folder above', '../box.golden-input.bin'],
    ['a hidden file', '.golden'],
    ['an address', 'https://elsewhere/golden.bin'],
    ["a path of another system's", 'a\\b'],
  ])('golden data in %s are refused', async (_, name) => {
    edit(entry => (entry.golden['input'] = name));
    await fails('model-manifest', /beside the manifest/);
  });
  test('a pipe for a file is refused at once', async () => {
    const file = join(folder, 'box.golden-input.bin');
    rmSync(file);
    execFileSync('mkfifo', [file]);
    await fails('model-download', /not a regular file/);
  });
  test('a link to a device is refused at once', async () => {
    const file = join(folder, 'box.onnx');
    rmSync(file);
    execFileSync('ln', ['-s', '/dev/zero', file]);
    await fails('model-download', /not a regular file/);
  });
  test('a file larger than stated is not read', async () => {
    execFileSync('truncate', ['-s', '100G', join(folder, 'box.onnx')]);
    await fails('model-download', /at most 236 belong there/);
  });
  test('a manifest without end is not read', async () => {
    execFileSync('truncate', ['-s', '100G', join(folder, 'manifest.json')]);
    await fails('model-download', /at most 1048576/);
  });
  test('sizes beyond any model are refused', async () => {
    edit(entry => (entry['bytes'] = 2 ** 40));
    await fails('model-manifest', /bytes is not a count/);
    edit(entry => Object.assign(entry, { bytes: 236, golden: { ...entry.golden, rows: 10 ** 6 } }));
    await fails('model-manifest', /golden has no size up to 2048 x 2048/);
  });
  test('a model with the right hash that asks for more than arithmetic is not run', async () => {
    const bytes = model(node('Loop'));
    writeFileSync(join(folder, 'box.onnx'), bytes);
    edit(entry =>
      Object.assign(entry, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }),
    );
    await fails('model-manifest', /"Loop"/);
  });
});
