import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
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

/** What a function of extension/check.mjs gives for addresses, in a process of its own: jest reads no .mjs. */
function inNode(name: 'checkServer' | 'findViewer', ...addresses: readonly string[]): Promise<unknown> {
  const module = pathToFileURL(resolve('extension/check.mjs')).href;
  const script = `import { ${name} } from '${module}';
    const found = await ${name}(...${JSON.stringify(addresses)}.map(address => new URL(address)));
    console.log(JSON.stringify(found));`;
  return new Promise((done, fail) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], (error, stdout) =>
      error ? fail(error) : done(JSON.parse(stdout)),
    );
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

  describe('a viewer under a sub-path', () => {
    const PAGE = (base: string) => `<html><script src="${base}app-config.js"></script></html>`;
    const CONFIG = (plugin: string, more = '') =>
      `window.config = { ${more} extensions: ['${plugin}extension.js'], modes: ['${plugin}mode.js'] };`;
    const serving = async (
      answers: (path: string) => string | undefined,
      act: (origin: string) => Promise<void>,
      headers = {},
    ) => {
      const server = createServer((request, answer) => {
        const body = answers(request.url ?? '');
        answer.writeHead(body === undefined ? 404 : 200, { 'content-type': 'text/html', ...headers });
        answer.end(body ?? '');
      });
      await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
      try {
        await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      } finally {
        server.close();
      }
    };
    const plugin = '/pacs/ohif/plugins/iscl/';

    it.each<[string, (path: string) => string | undefined, string]>([
      [
        'above the plugin, whose server sends the page for every address',
        path =>
          path === '/pacs/ohif/app-config.js'
            ? CONFIG(plugin)
            : path.startsWith('/pacs/ohif/')
              ? PAGE('/pacs/ohif/')
              : undefined,
        '/pacs/ohif/',
      ],
      [
        'named by its configuration',
        path => ({ '/': PAGE('/'), '/app-config.js': CONFIG(plugin, "routerBasename: '/reading',") })[path],
        '/reading/',
      ],
      [
        'beside the plugin, at a usual address',
        path => ({ '/ohif/': PAGE('/ohif/'), '/ohif/app-config.js': CONFIG(plugin) })[path],
        '/ohif/',
      ],
    ])('is found: %s', async (_what, answers, expected) => {
      await serving(answers, async origin => {
        expect(await inNode('findViewer', `${origin}${plugin}`)).toBe(`${origin}${expected}`);
      });
    });
    it('is not invented', async () => {
      await serving(
        () => '<html>another page</html>',
        async origin => expect(await inNode('findViewer', `${origin}${plugin}`)).toBeNull(),
      );
    });
    it("names a policy without 'wasm-unsafe-eval', one without workers, and a copy that is not loaded", async () => {
      const answers = (path: string) =>
        ({ '/ohif/': PAGE('/ohif/'), '/ohif/app-config.js': CONFIG('/elsewhere/') })[path];
      const policy = "default-src 'self'; script-src 'self' 'sha256-x'; worker-src 'none'";
      await serving(
        answers,
        async origin => {
          const findings = (await inNode('checkServer', `${origin}/ohif/`, `${origin}${plugin}`)) as {
            readonly state: string;
            readonly what: string;
            readonly found: string;
          }[];
          const texts = findings.map(({ state, what, found }) => `${state} ${what}: ${found}`);
          expect(texts).toEqual(
            expect.arrayContaining([
              "bad Content-Security-Policy: script-src has no 'wasm-unsafe-eval': no WebAssembly",
              'bad Content-Security-Policy: no worker may be started',
              expect.stringMatching(/^slow app-config.js: names .*\/elsewhere\/extension.js/),
            ]),
          );
        },
        { 'content-security-policy': policy },
      );
    });
  });

  it('explains how it is used', async () => {
    expect(await check('not a URL')).toEqual({
      status: 2,
      text: expect.stringContaining('npm run check -- https://'),
    });
  });
});
