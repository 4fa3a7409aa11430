import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { viewerPolicy } from '../../server/src/contentSecurityPolicy';
import { VIEWER_VERSION } from '../../server/src/index';
import { absentHere } from '../absent';
import { Bench, raw } from './server-fixtures';

describe('the viewer and the plugin on one origin', () => {
  const bench = new Bench();
  let url = '';
  beforeAll(async () => {
    bench.write('viewer/app.bundle.0123456789abcdef.js', 'console.log(1);'.repeat(1000));
    bench.write('viewer/app.bundle.0123456789abcdef.js.br', 'compressed beforehand');
    bench.write('viewer/.complete', 'not for others');
    bench.write('secret.txt', 'outside');
    bench.write('plugin/extension.js', 'export default {};');
    bench.write('plugin/ort/ort.wasm', '\0asm');
    bench.write('plugin/ort/ort.mjs', 'export {};');
    bench.write('plugin/models/m.onnx', 'weights');
    url = (await bench.start()).url;
  });
  afterAll(() => bench.close());

  it('listens on 127.0.0.1 and says where', () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  });

  it.each(['', 'app-config.js', 'plugins/iscl-ct-denoise/ort/ort.wasm', 'dicomweb/studies', 'nothing.js'])(
    'isolates every answer: /%s',
    async path => {
      const { headers } = await fetch(url + path);
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    },
  );

  it('leaves the isolation headers out when told to', async () => {
    const { headers } = await fetch((await bench.start({ isolation: false, store: 'store-2' })).url);
    expect(headers.has('cross-origin-opener-policy')).toBe(false);
    expect(headers.has('cross-origin-embedder-policy')).toBe(false);
  });

  it.each([
    ['plugins/iscl-ct-denoise/ort/ort.wasm', 'application/wasm'],
    ['plugins/iscl-ct-denoise/ort/ort.mjs', 'application/javascript; charset=utf-8'],
    ['plugins/iscl-ct-denoise/models/m.onnx', 'application/octet-stream'],
    ['app-config.js', 'text/javascript; charset=utf-8'],
  ])('/%s is %s', async (path, type) => {
    const answer = await fetch(url + path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
  });

  it('gives OHIF the plugin and one data source on the same origin', async () => {
    const text = await (await fetch(`${url}app-config.js`)).text();
    const config = JSON.parse(text.replace(/^window\.config = /, '').replace(/;\s*$/, ''));
    expect(config).toMatchObject({
      extensions: ['/plugins/iscl-ct-denoise/extension.js'],
      modes: ['/plugins/iscl-ct-denoise/mode.js'],
      showStudyList: true,
      defaultDataSourceName: 'dicomweb',
    });
    expect(config.dataSources).toHaveLength(1);
    expect(config.dataSources[0].configuration).toMatchObject({
      qidoRoot: '/dicomweb',
      wadoRoot: '/dicomweb',
      thumbnailRendering: 'wadors',
    });
  });

  it('keeps names with a content hash for ever, and asks again for the rest', async () => {
    const hashed = await fetch(`${url}app.bundle.0123456789abcdef.js`);
    expect(hashed.headers.get('cache-control')).toContain('immutable');
    const page = await fetch(url);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const etag = page.headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    expect((await raw(url, '/', { 'if-none-match': etag })).status).toBe(304);
  });

  it('sends the file compressed beforehand to who takes it', async () => {
    const path = '/app.bundle.0123456789abcdef.js';
    expect((await raw(url, path, { 'accept-encoding': 'br' })).body).toBe('compressed beforehand');
    expect((await raw(url, path)).body).toContain('console.log');
  });

  it("answers a page of the viewer's own with the viewer, though a study's address has dots", async () => {
    const page = await fetch(`${url}viewer/1.2.840.113?StudyInstanceUIDs=1.2.840.113`, {
      headers: { accept: 'text/html,*/*' },
    });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>viewer')]);
  });

  it.each([
    ['a missing script', 'missing.bundle.js', '*/*'],
    ['a missing plugin file', 'plugins/iscl-ct-denoise/missing.wasm', 'text/html'],
    ['a DICOMweb address that is none', 'dicomweb/nothing', 'text/html'],
  ])('does not answer %s with the viewer', async (_what, path, accept) => {
    expect((await fetch(url + path, { headers: { accept } })).status).toBe(404);
  });

  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/plugins/iscl-ct-denoise/../../secret.txt',
    '/plugins/iscl-ct-denoise/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/..\\secret.txt',
    '/%00',
    '/.complete',
    '//etc/passwd',
    '/dicomweb/studies/..%2f..%2fsecret.txt/metadata',
  ])('gives nothing away for %s', async path => {
    const { status, body } = await raw(url, path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body).not.toMatch(/outside|not for others|root:/);
  });

  it('does not answer to a foreign name (DNS rebinding), but to one it was told of', async () => {
    expect((await raw(url, '/dicomweb/studies', { host: 'evil.example' })).status).toBe(421);
    expect((await raw(url, '/dicomweb/studies', { host: 'localhost:3000' })).status).toBe(200);
    const proxied = await bench.start({ allowHosts: ['ohif.hospital.example'], store: 'store-3' });
    expect((await raw(proxied.url, '/dicomweb/studies', { host: 'ohif.hospital.example' })).status).toBe(200);
  });

  it('does the same when other computers may reach it; addresses and its own name are fine', async () => {
    const open = await bench.start({ host: '0.0.0.0', allowHosts: ['ct.example'], store: 'store-5' });
    const { port } = new URL(open.url);
    const ask = async (host: string) =>
      (await raw(`http://127.0.0.1:${port}`, '/dicomweb/studies', { host })).status;
    expect(await ask('evil.example')).toBe(421);
    for (const host of ['192.0.2.7:3000', '[2001:db8::1]:3000', 'LOCALHOST', hostname(), 'ct.example'])
      expect([host, await ask(host)]).toEqual([host, 200]);
  });

  it.each([
    ['a foreign page', 'http://evil.example', 403],
    ['another program on this computer', 'http://127.0.0.1:1', 403],
    ['a page without an origin', 'null', 403],
    ['our own page', 'same', 400],
    ['our own page behind a proxy', 'https://ohif.hospital.example', 400],
  ])('a POST of %s', async (_what, origin, status) => {
    const server = await bench.start({ allowHosts: ['ohif.hospital.example'], store: 'store-6' });
    const headers = {
      origin: origin === 'same' ? new URL(server.url).origin : origin,
      'content-type': 'multipart/related; type="application/dicom"; boundary=B',
    };
    // Without an instance in it, so 400 is how far an allowed one comes.
    expect((await raw(server.url, '/dicomweb/studies', headers, '--B--\r\n')).status).toBe(status);
  });

  it('is shown in no frame of another page', async () => {
    expect((await fetch(url)).headers.get('x-frame-options')).toBe('SAMEORIGIN');
  });

  it.each([
    ['a link in another page', '/viewer?StudyInstanceUIDs=1.2', 'cross-site', 'navigate', 'document', 200],
    ['an address somebody typed', '/dicomweb/studies', 'none', 'navigate', 'document', 200],
    ['our own page', '/dicomweb/studies', 'same-origin', 'cors', 'empty', 200],
    ['an image in another page', '/dicomweb/studies', 'cross-site', 'no-cors', 'image', 403],
    ['a link in another page', '/dicomweb/studies', 'cross-site', 'navigate', 'document', 403],
    [
      'a link, the address written in another way',
      '/%64icomweb/studies',
      'cross-site',
      'navigate',
      'document',
      403,
    ],
    ['a frame of another page', '/', 'cross-site', 'navigate', 'iframe', 403],
    [
      'a script of another page',
      '/plugins/iscl-ct-denoise/extension.js',
      'cross-site',
      'no-cors',
      'script',
      403,
    ],
    ['another program on this computer', '/dicomweb/studies', 'same-site', 'no-cors', 'image', 403],
  ])('%s may GET %s (%s, %s, %s): %d', async (_who, path, site, mode, dest, status) => {
    const headers = {
      'sec-fetch-site': site,
      'sec-fetch-mode': mode,
      'sec-fetch-dest': dest,
      accept: 'text/html,*/*',
    };
    expect((await raw(url, path, headers)).status).toBe(status);
  });

  it('refuses two Host headers', async () => {
    const { hostname, port } = new URL(url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          'GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
        ),
      );
      let text = '';
      socket.on('data', chunk => (text += String(chunk)));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("gives the viewer a policy that allows its page's own scripts by hash, and data a policy that allows none", async () => {
    bench.write(
      'viewer-2/index.html',
      '<title>2</title><script>inline()</script><script src="/app.js"></script>',
    );
    const server = await bench.start({ viewer: 'viewer-2', store: 'store-7' });
    const page = await fetch(server.url);
    const hash = createHash('sha256').update('inline()').digest('base64');
    expect(page.headers.get('content-security-policy')).toContain(
      `script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval' 'sha256-${hash}';`,
    );
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'self'");
    const data = await fetch(`${server.url}dicomweb/studies`);
    expect(data.headers.get('content-security-policy')).toBe(
      "default-src 'none'; sandbox; frame-ancestors 'self'",
    );
  });

  const ohif = join(process.cwd(), '.cache/ohif', VIEWER_VERSION, 'dist/index.html');
  const noOhif = absentHere(existsSync(ohif) ? null : `${ohif} is absent: run npm start once`);
  if (noOhif) console.warn(`skipped: ${noOhif}`);
  (noOhif ? it.skip : it)('docs/nginx.conf has the policy of the OHIF that is served here', () => {
    expect(readFileSync('docs/nginx.conf', 'utf8')).toContain(
      `"${viewerPolicy(readFileSync(ohif, 'utf8'))}"`,
    );
  });

  it('says which port is taken and what to do', async () => {
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const started = bench.start({ port, store: 'store-4' }).finally(() => taken.close());
    await expect(started).rejects.toThrow(
      `Port ${port} is taken by another program; choose one with --port, as in: npm start -- --port ${port + 1}`,
    );
  });

  it('says which folder does not exist', async () => {
    await expect(bench.start({ dicom: ['typo'] })).rejects.toThrow('--dicom typo: there is no such folder.');
  });

  it('says how to get the viewer when it is not there', async () => {
    await expect(bench.start({ viewer: 'nowhere' })).rejects.toThrow('"npm start" fetches it');
  });
});
