import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Bench } from './server-fixtures';

const FILES = {
  'extension.js': 'export default {};',
  'mode.js': 'export default {};',
  'ort/ort.wasm': 'wasm'.repeat(3000),
  'ort/ort.mjs': 'export {};',
  'models/m.onnx': 'weights',
};

/** Runs `npm run check -- URL`; resolves with what it printed and its exit status. */
function check(url: string): Promise<{ status: number; text: string }> {
  const script = resolve('scripts/check-server.mjs');
  return new Promise(done => {
    execFile(process.execPath, [script, url], (error, stdout, stderr) => {
      done({ status: error ? Number(error.code) : 0, text: stdout + stderr });
    });
  });
}

describe('npm run check', () => {
  const bench = new Bench();
  const install = (changes: Record<string, string | null> = {}) => {
    const files = Object.entries(FILES).map(([file, content]) => ({
      file,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    }));
    const folder = `plugin-${Math.random()}`;
    bench.write(
      `${folder}/manifest.json`,
      JSON.stringify({ name: '@iscl/ohif-ct-denoise', version: '1.0.0', files }),
    );
    for (const [file, content] of Object.entries({ ...FILES, ...changes })) {
      if (content !== null) bench.write(`${folder}/${file}`, content);
    }
    return folder;
  };
  afterAll(() => bench.close());

  it('finds nothing to do on our own server', async () => {
    const { url } = await bench.start({ plugin: install() });
    const { status, text } = await check(url);
    expect([status, text]).toEqual([0, expect.stringContaining('5 as built, with models/m.onnx')]);
    expect(text).not.toMatch(/MISSING|slower/);
  });

  it('says that threads are lost without the headers, and which headers', async () => {
    const { url } = await bench.start({ plugin: install(), isolation: false });
    const { status, text } = await check(url);
    expect(status).toBe(0);
    expect(text).toMatch(/slower +Isolation headers: COOP missing, COEP missing/);
    expect(text).toContain('Cross-Origin-Opener-Policy: same-origin');
  });

  it.each([
    ['a model that was not copied', { 'models/m.onnx': null }, 'MISSING  models/m.onnx: answers 404'],
    ['a file cut off', { 'ort/ort.mjs': 'export' }, 'MISSING  ort/ort.mjs: has 6 bytes instead of 10'],
    [
      'a model that was changed',
      { 'models/m.onnx': 'wEights' },
      'MISSING  models/m.onnx: has other contents',
    ],
  ])('finds %s', async (_what, changes, expected) => {
    const { url } = await bench.start({ plugin: install(changes) });
    const { status, text } = await check(url);
    expect([status, text]).toEqual([1, expect.stringContaining(expected)]);
    expect(text).toContain('copy the whole dist folder again');
  });

  it('finds a plugin that was not copied, and a viewer that does not answer', async () => {
    const { url } = await bench.start({ plugin: 'nowhere' });
    const without = await check(url);
    expect(without.status).toBe(1);
    expect(without.text).toContain('manifest.json answers 404');
    expect(without.text).toContain('does not name extension.js and mode.js');
    const nobody = await check('http://127.0.0.1:1/');
    expect([nobody.status, nobody.text]).toEqual([
      1,
      expect.stringMatching(/MISSING {2}Viewer: .* cannot be reached/),
    ]);
  });

  it('finds a server that sends WebAssembly under the wrong type, uncompressed', async () => {
    const { url } = await bench.start({ plugin: install() });
    const careless = createServer((request, answer) => {
      void fetch(new URL(request.url ?? '/', url), {
        headers: { accept: request.headers.accept ?? '' },
      }).then(async original => {
        answer.writeHead(original.status, { 'content-type': 'application/octet-stream' });
        answer.end(Buffer.from(await original.arrayBuffer()));
      });
    });
    await new Promise<void>(done => careless.listen(0, '127.0.0.1', done));
    const { text } = await check(`http://127.0.0.1:${(careless.address() as AddressInfo).port}/`);
    careless.close();
    expect(text).toContain('MISSING  ort/ort.wasm: its Content-Type is application/octet-stream');
    expect(text).toContain('MISSING  ort/ort.mjs: its Content-Type is application/octet-stream');
    expect(text).toMatch(/slower +ort\/ort\.wasm: is sent uncompressed/);
  });

  it('explains how it is used', async () => {
    expect(await check('not a URL')).toEqual({
      status: 2,
      text: expect.stringContaining('npm run check -- https://'),
    });
  });
});
