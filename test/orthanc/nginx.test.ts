import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { absentHere } from '../absent';
import { multipart, part10, raw, RELATED, SERIES, STUDY } from '../unit/server-fixtures';
import { freePort, NO_ORTHANC, startOrthanc, type Orthanc } from './orthanc';

const NGINX = '/usr/sbin/nginx';
const absent =
  NO_ORTHANC ?? absentHere(existsSync(NGINX) ? null : 'nginx is not installed (Debian: nginx-light)');
if (absent) console.warn(`skipped: ${absent}`);

(absent ? describe.skip : describe)('docs/nginx.conf before a real Orthanc', () => {
  const folder = mkdtempSync(join(tmpdir(), 'iscl-nginx-'));
  let orthanc: Orthanc;
  let nginx: ChildProcess;
  let url = '';
  beforeAll(async () => {
    const peer = { Peer: { Url: 'http://127.0.0.1:9/dicom-web/', HasDelete: true } };
    orthanc = await startOrthanc({ DicomWeb: { Enable: true, Root: '/dicom-web/', Servers: peer } });
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    for (const name of ['ohif', 'plugin']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'ohif/index.html'), '<title>viewer</title>');
    writeFileSync(join(folder, 'plugin/extension.js'), 'export default {};');
    const conf = readFileSync('docs/nginx.conf', 'utf8')
      .replace('listen 8080;', `listen 127.0.0.1:${port};`)
      .replace('/srv/ohif;', `${folder}/ohif;`)
      .replace('/srv/iscl-ct-denoise/;', `${folder}/plugin/;`)
      .replace('http://127.0.0.1:8042/dicom-web/', `${orthanc.dicomWeb}/`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map(name => `${name}_temp_path ${folder}/${name};`)
      .join('\n');
    const whole = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
      events {} http { access_log off; ${temporary}\n${conf}\n}`;
    writeFileSync(join(folder, 'nginx.conf'), whole);
    const checked = spawnSync(NGINX, ['-t', '-c', join(folder, 'nginx.conf')], { encoding: 'utf8' });
    expect(checked.stderr).toContain('test is successful');
    nginx = spawn(NGINX, ['-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      if (await fetch(url).then(Boolean, () => false)) break;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    const stored = await fetch(`${url}dicom-web/studies`, {
      method: 'POST',
      body: multipart([part10({ sop: '2.25.81' })]),
      headers: { 'content-type': RELATED },
    });
    expect(stored.status).toBe(200);
  });
  afterAll(async () => {
    nginx?.kill();
    await orthanc?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const instance = `dicom-web/studies/${STUDY}/series/${SERIES}/instances/2.25.81`;
  const state = async () => ({
    servers: await orthanc.get('/dicom-web/servers'),
    instances: (await orthanc.get<Record<string, number>>('/statistics'))['CountInstances'],
  });

  it.each([
    'dicom-web/studies?PatientName=*Doe*&limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060',
    `dicom-web/studies/${STUDY}/series`,
    `dicom-web/studies/${STUDY}/series/${SERIES}/metadata`,
    `dicom-web/studies/${STUDY}/series/${SERIES}/instances?includefield=all`,
    `${instance}/frames/1`,
    instance,
  ])('passes what OHIF asks for: %s', async path => {
    const accept = /frames|81$/.test(path) ? 'multipart/related' : 'application/dicom+json';
    const answer = await fetch(url + path, { headers: { accept, 'sec-fetch-site': 'same-origin' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; sandbox; frame-ancestors 'self'",
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['/dicom-web/servers', {}],
    ['/dicom-web/servers/Peer?_method=DELETE', {}],
    ['/dicom-web/%73ervers/Peer', {}],
    ['/dicom-web/studies/../servers', {}],
    ['/dicom-web/info', {}],
    ['/dicom-web/studies?_method=DELETE', {}],
    ['/dicom-web/studies?%5Fmethod=DELETE', {}],
    ['/dicom-web/studies?limit=1;_method=DELETE', {}],
    ['/dicom-web/studies', { 'sec-fetch-site': 'cross-site' }],
    ['/dicom-web/studies', { 'sec-fetch-site': 'same-site' }],
    ['/dicom-web/studies', { origin: 'http://evil.example' }],
    ['/dicom-web/studies', { origin: 'null' }],
  ] as [string, Record<string, string>][])('refuses %s %o', async (path, headers) => {
    expect((await raw(url, path, headers)).status).toBe(403);
    expect(await state()).toEqual({ servers: ['Peer'], instances: 1 });
  });

  it('keeps a GET a GET, and other methods out', async () => {
    const overridden = await raw(url, `/${instance}/metadata`, { 'x-http-method-override': 'DELETE' });
    expect(overridden.status).toBe(200);
    for (const method of ['DELETE', 'PUT', 'PATCH'])
      expect((await fetch(url + instance, { method })).status).toBe(403);
    expect(
      (await fetch(`${url}dicom-web/studies/${STUDY}/series`, { method: 'POST', body: '{}' })).status,
    ).toBe(403);
    expect(await state()).toEqual({ servers: ['Peer'], instances: 1 });
  });

  it('takes a POST of its own page and of no other', async () => {
    const send = (origin: string) =>
      fetch(`${url}dicom-web/studies`, {
        method: 'POST',
        body: multipart([part10({ sop: '2.25.81' })]),
        headers: { 'content-type': RELATED, origin },
      });
    expect((await send('http://evil.example')).status).toBe(403);
    expect((await send(new URL(url).origin)).status).toBe(200);
  });

  it('serves viewer and plugin under the policy, in no frame of another page', async () => {
    for (const path of ['', 'viewer/1.2.3?StudyInstanceUIDs=1', 'plugins/iscl-ct-denoise/extension.js']) {
      const { status, headers } = await fetch(url + path);
      expect(status).toBe(200);
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval' 'sha256-/,
      );
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
    }
  });
});
