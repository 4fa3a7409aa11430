import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Bench, part10, SERIES, STUDY } from '../unit/server-fixtures';
import { NO_ORTHANC, startOrthanc, type Orthanc } from './orthanc';
import { orthancBehindProxy } from './proxied';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request exactly as written, by any method. */
function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, answer => {
      let body = '';
      answer.on('data', chunk => (body += String(chunk)));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);

(NO_ORTHANC ? describe.skip : describe)('what a request can do to a real Orthanc behind the proxy', () => {
  const bench = new Bench();
  let orthanc: Orthanc;
  let url = '';
  const instance = `/dicomweb/studies/${STUDY}/series/${SERIES}/instances/2.25.81`;
  beforeAll(async () => {
    ({ orthanc, url } = await orthancBehindProxy(bench));
  });
  afterAll(async () => {
    await bench.close();
    await orthanc.close();
  });
  const state = async () => ({
    servers: await orthanc.get('/dicom-web/servers'),
    instances: (await orthanc.get<Record<string, number>>('/statistics'))['CountInstances'],
  });
  const untouched = { servers: ['Peer'], instances: 1 };

  it('shows that Orthanc by itself deletes on a GET', async () => {
    const own = await startOrthanc();
    await ask(own.url, '/dicom-web/servers/Other', { method: 'PUT' });
    await fetch(`${own.url}/instances`, { method: 'POST', body: new Uint8Array(part10()) });
    const [id] = await own.get<string[]>('/instances');
    await ask(own.url, `/instances/${id}?_method=DELETE`);
    expect(await own.get('/instances')).toEqual([]);
    await own.close();
  });

  it.each([
    '/dicomweb/servers/Peer?_method=DELETE',
    '/dicomweb/servers/Peer?%5Fmethod=DELETE',
    `/dicomweb/studies/${STUDY}/../../servers/Peer?_method=DELETE`,
    '/dicomweb/%73ervers/Peer?_method=DELETE',
    '/%64icomweb/servers/Peer?_method=DELETE',
    '/dicomweb//servers/Peer?_method=DELETE',
    '/dicomweb/studies/..%2fservers%2fPeer?_method=DELETE',
    '/dicomweb/servers',
    '/dicomweb/info',
    '/dicomweb/',
  ])('GET %s is refused', async path => {
    expect((await ask(url, path)).status).toBeGreaterThanOrEqual(400);
    expect(await state()).toEqual(untouched);
  });

  it.each(['DELETE', 'PUT', 'PATCH', 'TRACE', 'POST'])('%s of an instance is refused', async method => {
    expect((await ask(url, instance, { method })).status).toBeGreaterThanOrEqual(400);
    expect(await state()).toEqual(untouched);
  });

  it.each([
    ['?_method=DELETE', {}],
    ['?%5F%6Dethod=DELETE', {}],
    ['?PatientName=*;_method=DELETE', {}],
    ['', { 'x-http-method-override': 'DELETE' }],
    ['', { 'X-HTTP-Method': 'DELETE', 'x-method-override': 'DELETE' }],
  ])('a GET stays a GET: %s %o', async (query, headers) => {
    const { status } = await ask(url, `/dicomweb/studies${query}`, { headers });
    expect(status).toBe(200);
    expect((await ask(url, `${instance}/metadata${query}`, { headers })).status).toBe(200);
    expect(await state()).toEqual(untouched);
  });

  it.each([
    [
      'another page',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    ],
    ['another port of this computer', { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'image' }],
    [
      'a link of another page',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ],
    ['a foreign origin', { origin: 'http://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
    ['a foreign page over plain http', { referer: 'http://evil.example/page' }],
  ] as [string, Record<string, string>][])('a GET of %s is refused', async (_who, headers) => {
    expect((await ask(url, '/dicomweb/studies', { headers })).status).toBe(403);
    expect((await ask(url, '/%64icomweb/studies', { headers })).status).toBe(403);
  });
});

describe('what a hostile PACS says', () => {
  const bench = new Bench();
  const seen: { method?: string; headers: IncomingHttpHeaders }[] = [];
  let pacs: Server;
  let url = '';
  beforeAll(async () => {
    pacs = createServer((asked, response) => {
      seen.push({ method: asked.method!, headers: asked.headers });
      const type =
        new URL(asked.url!, 'http://pacs').searchParams.get('StudyDescription') ?? 'application/dicom+json';
      const wanted = Number(new URL(asked.url!, 'http://pacs').searchParams.get('limit'));
      const status = wanted >= 200 ? wanted : 200;
      response.writeHead(status, {
        'Content-Type': type,
        'Set-Cookie': 'sid=1; Path=/',
        'Access-Control-Allow-Origin': '*',
        Server: 'SecretPACS/1.2',
        'X-Powered-By': 'x',
        'WWW-Authenticate': 'Basic realm="pacs"',
        Location: 'http://10.1.2.3:8042/internal',
        'Content-Security-Policy': "script-src 'unsafe-inline'",
        Link: '<http://10.1.2.3/>; rel=preload',
        Refresh: '0; url=http://evil.example',
        'Clear-Site-Data': '"*"',
        'X-Frame-Options': 'ALLOWALL',
        'X-Content-Type-Options': 'none',
        'Service-Worker-Allowed': '/',
        'Alt-Svc': 'h2="evil:443"',
        'Cache-Control': 'public, max-age=1000',
        'Retry-After': '1000000',
        'X-New-Invention': 'x',
      });
      response.end('<script>alert(1)</script>');
    });
    await new Promise<void>(resolve => pacs.listen(0, '127.0.0.1', resolve));
    url = (
      await bench.start({ pacs: { url: `http://127.0.0.1:${(pacs.address() as AddressInfo).port}/rs` } })
    ).url;
  });
  afterAll(async () => {
    await bench.close();
    pacs.closeAllConnections();
    pacs.close();
  });

  it('leaves nothing but what DICOMweb needs, under our own headers', async () => {
    const { headers } = await ask(url, '/dicomweb/studies');
    expect(headers).toEqual({
      'content-type': 'application/dicom+json',
      'transfer-encoding': 'chunked',
      'retry-after': '1000000',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'self'",
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      connection: expect.anything(),
      date: expect.anything(),
      ...(headers['keep-alive'] !== undefined && { 'keep-alive': expect.anything() }),
      ...(headers['vary'] !== undefined && { vary: expect.anything() }),
    });
  });

  it.each([
    'text/html',
    'image/svg+xml',
    'text/xml',
    'application/xhtml+xml',
    'text/javascript',
    'TEXT/HTML; charset=utf-8',
  ])('%s is no answer', async type => {
    const { status, headers, body } = await ask(
      url,
      `/dicomweb/studies?StudyDescription=${encodeURIComponent(type)}`,
    );
    expect(status).toBe(502);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(body).not.toContain('<script>');
    expect(body).toContain('where DICOMweb was asked for');
  });

  it.each([
    [302, 502],
    [301, 502],
    [401, 401],
    [404, 404],
    [500, 500],
    [503, 503],
  ])('a page with %d becomes %d and a message', async (given, status) => {
    const answer = await ask(url, `/dicomweb/studies?StudyDescription=text%2Fhtml&limit=${given}`);
    expect([answer.status, answer.headers.location, answer.headers['www-authenticate']]).toEqual([
      status,
      undefined,
      undefined,
    ]);
    expect(JSON.parse(answer.body)).toMatchObject({ statusCode: status });
  });

  it('a PDF may be shown', async () => {
    const { headers } = await ask(url, '/dicomweb/studies?StudyDescription=application%2Fpdf');
    expect(headers['content-security-policy']).toBe("frame-ancestors 'self'");
  });

  it.each([
    ['HEAD', '/dicomweb/studies'],
    ['OPTIONS', '/dicomweb/studies/1.2.3'],
    ['OPTIONS', '/dicomweb'],
    ['OPTIONS', '/dicomweb/'],
  ])('%s %s comes through', async (method, path) => {
    seen.length = 0;
    expect((await ask(url, path, { method })).status).toBe(200);
    expect(seen).toMatchObject([{ method }]);
  });

  it('hears only what a viewer needs to say', async () => {
    seen.length = 0;
    const headers = {
      accept: 'application/dicom+json',
      range: 'bytes=0-1',
      'x-http-method-override': 'DELETE',
      'x-original-url': '/instances',
      'x-forwarded-for': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      cookie: 'a=b',
      'sec-fetch-site': 'same-origin',
    };
    await ask(url, '/dicomweb/studies', { headers });
    expect(Object.keys(seen[0]!.headers).sort()).toEqual(['accept', 'connection', 'host', 'range']);
  });
});
