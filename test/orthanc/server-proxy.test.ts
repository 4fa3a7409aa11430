import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Bench, multipart, part10, partsOf, raw, RELATED, SERIES, STUDY } from '../unit/server-fixtures';
import { NO_ORTHANC, startOrthanc, type Orthanc } from './orthanc';

if (NO_ORTHANC) console.warn(`skipped: ${NO_ORTHANC}`);

(NO_ORTHANC ? describe.skip : describe)('a real Orthanc behind --pacs', () => {
  const bench = new Bench();
  const lines: string[] = [];
  let orthanc: Orthanc;
  let root = '';
  const login = { authorization: `Basic ${Buffer.from('reader:secret').toString('base64')}` };

  beforeAll(async () => {
    orthanc = await startOrthanc();
    const pacs = { url: orthanc.dicomWeb };
    root = `${(await bench.start({ pacs, log: line => lines.push(line) })).url}dicomweb`;
    const body = multipart([part10({ sop: '2.25.81' }), part10({ sop: '2.25.82', with: { KVP: 120 } })]);
    const stored = await fetch(`${root}/studies`, {
      method: 'POST',
      body,
      headers: { 'content-type': RELATED },
    });
    expect(stored.status).toBe(200);
  });
  afterAll(async () => {
    await bench.close();
    await orthanc.close();
  });

  it('says at the start that it answers', () => {
    expect(lines).toContain(`Showing the PACS at ${orthanc.dicomWeb}`);
  });

  it('stores and finds; the answer is isolated like our own', async () => {
    const answer = await fetch(`${root}/studies?PatientName=*Doe*&limit=101&offset=0&fuzzymatching=true`);
    expect(await answer.json()).toHaveLength(1);
    expect(await (await fetch(`${root}/studies?PatientName=*Nobody*`)).json()).toEqual([]);
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(answer.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  });

  it('gets the fields OHIF asks for, which Orthanc drops when they come as OHIF sends them', async () => {
    const query = `studies/${STUDY}/instances?SOPInstanceUID=2.25.82&includefield=00180060%2C00281052`;
    const kvp = async (base: string) => {
      const [found] = (await (await fetch(`${base}/${query}`)).json()) as Record<
        string,
        { Value: number[] }
      >[];
      return found?.['00180060']?.Value[0];
    };
    expect(await kvp(orthanc.dicomWeb)).toBeUndefined();
    expect(await kvp(root)).toBe(120);
  });

  it('passes metadata, frames and files through', async () => {
    const metadata = await fetch(`${root}/studies/${STUDY}/series/${SERIES}/metadata`);
    expect(await metadata.json()).toHaveLength(2);
    const frames = await fetch(`${root}/studies/${STUDY}/series/${SERIES}/instances/2.25.81/frames/1`, {
      headers: { accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*' },
    });
    expect(frames.status).toBe(200);
    const [frame] = await partsOf(frames);
    expect(frame?.body.length).toBe(32);
  });

  it('tells OHIF to put our address in the place of the links of the PACS', async () => {
    const config = await (await fetch(new URL('/app-config.js', root))).text();
    expect(config).toContain(`"startsWith": "${orthanc.dicomWeb}"`);
    expect(config).toContain('"prefixWith": "/dicomweb"');
    expect(config).toContain('"dicomUploadEnabled": false');
  });

  it.each(['/dicomweb/../instances', '/dicomweb/studies/..%2f..%2f..%2fsystem', '/dicomweb/%2e%2e/system'])(
    'does not lead out of the DICOMweb root: %s',
    async path => {
      const { status, body } = await raw(root, path);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).not.toContain('DatabaseVersion');
    },
  );

  it('deletes nothing', async () => {
    expect((await fetch(`${root}/studies/${STUDY}`, { method: 'DELETE' })).status).toBe(404);
    expect((await fetch(`${root}/studies/${STUDY}/instances`)).status).toBe(200);
  });

  it('logs in for the browser, and says so when the login is missing', async () => {
    const locked = await startOrthanc(
      { AuthenticationEnabled: true, RegisteredUsers: { reader: 'secret' } },
      login,
    );
    const said: string[] = [];
    const without = await bench.start({ pacs: { url: locked.dicomWeb }, log: line => said.push(line) });
    expect((await fetch(`${without.url}dicomweb/studies`)).status).toBe(401);
    expect(said.join()).toContain('it wants a login (401)');
    const withLogin = await bench.start({ pacs: { url: locked.dicomWeb, headers: login } });
    expect((await fetch(`${withLogin.url}dicomweb/studies`)).status).toBe(200);
    await locked.close();
  });
});

describe('what passes to a PACS', () => {
  const bench = new Bench();
  const seen: { url: string; method: string; headers: IncomingHttpHeaders }[] = [];
  let pacs: Server;
  let root = '';
  const said: string[] = [];
  beforeAll(async () => {
    pacs = createServer((request, response) => {
      seen.push({ url: request.url ?? '', method: request.method ?? '', headers: request.headers });
      if (request.url?.startsWith('/moved')) {
        response.writeHead(302, { location: 'http://127.0.0.1:9/elsewhere' }).end();
        return;
      }
      response
        .writeHead(200, { 'set-cookie': 'session=1', 'content-type': 'application/dicom+json' })
        .end('[]');
    });
    await new Promise<void>(resolve => pacs.listen(0, '127.0.0.1', resolve));
    const { port } = pacs.address() as AddressInfo;
    const headers = { authorization: 'Bearer of-the-pacs', 'x-api-key': 'key' };
    root = (await bench.start({ pacs: { url: `http://127.0.0.1:${port}/rs`, headers } })).url;
    await bench.start({
      pacs: { url: `http://127.0.0.1:${port}/moved`, headers },
      log: line => said.push(line),
    });
  });
  afterAll(async () => {
    await bench.close();
    pacs.closeAllConnections();
    pacs.close();
  });

  it('has the login of the PACS and none of the secrets of the browser; its cookies stay away too', async () => {
    seen.length = 0;
    const { origin } = new URL(root);
    const answer = await fetch(`${root}dicomweb/studies`, {
      headers: { cookie: 'other-program=secret', origin, referer: `${origin}/viewer?StudyInstanceUIDs=1.2` },
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      url: '/rs/studies',
      headers: { authorization: 'Bearer of-the-pacs', 'x-api-key': 'key' },
    });
    for (const name of ['cookie', 'origin', 'referer']) expect(seen[0]!.headers[name]).toBeUndefined();
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it.each([
    ['/dicomweb/servers/other/stow', 405],
    ['/dicomweb/studies/1.2.3/series', 405],
    ['/dicomweb/studies', 200],
    ['/dicomweb/studies/1.2.3', 200],
  ])('a POST to %s: %d', async (path, status) => {
    seen.length = 0;
    expect((await raw(root, path, { 'content-type': 'text/plain' }, '{}')).status).toBe(status);
    expect(seen).toHaveLength(status === 200 ? 1 : 0);
  });

  it.each(['//127.0.0.1:9/', '/http://127.0.0.1:9/', '/@127.0.0.1:9/', '/\\127.0.0.1:9/'])(
    'goes to no other server: %s',
    async path => {
      seen.length = 0;
      const { status } = await raw(root, `/dicomweb${path}`);
      // A 502 would be the other server not answering.
      expect(status).not.toBe(502);
      expect(seen.every(({ url }) => url.startsWith('/rs/'))).toBe(true);
    },
  );

  it('does not take the login along when the PACS redirects; says where to', () => {
    expect(said.join()).toContain('it redirects to http://127.0.0.1:9/elsewhere');
  });
});

describe('a PACS that fails', () => {
  const bench = new Bench();
  afterAll(() => bench.close());

  it('is a 502 with a message, and the viewer still opens', async () => {
    const said: string[] = [];
    const server = await bench.start({
      pacs: { url: 'http://127.0.0.1:9/dicom-web' },
      log: line => said.push(line),
    });
    const answer = await fetch(`${server.url}dicomweb/studies`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      message: expect.stringMatching(/127\.0\.0\.1:9 does not answer \(.*ECONNREFUSED.*\)/),
    });
    expect(said.join()).toContain('cannot be used yet');
    expect((await fetch(server.url)).status).toBe(200);
  });

  it('is a 502 when it hangs up in the middle of a request', async () => {
    const rude: Server = createServer(request => request.socket.destroy());
    await new Promise<void>(resolve => rude.listen(0, '127.0.0.1', resolve));
    const { port } = rude.address() as AddressInfo;
    const server = await bench.start({ pacs: { url: `http://127.0.0.1:${port}/dicom-web` } });
    expect((await fetch(`${server.url}dicomweb/studies`)).status).toBe(502);
    rude.close();
  });
});
