import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { absentHere } from '../absent';
import { NO_ORTHANC, type Orthanc } from '../orthanc/orthanc';
import { orthancBehindProxy } from '../orthanc/proxied';
import { Bench, STUDY } from '../unit/server-fixtures';
import { CHROMIUM, FLAGS } from './viewer';

const absent =
  NO_ORTHANC ?? absentHere(existsSync(CHROMIUM) ? null : `${CHROMIUM} is absent: install Chromium`);
if (absent) console.warn(`skipped: ${absent}`);

/** A page of another origin, in the browser that has the viewer open, before the proxy and a real Orthanc that any GET can delete from. */
(absent ? describe.skip : describe)('a foreign page in Chromium', () => {
  const bench = new Bench();
  let orthanc: Orthanc;
  let browser: Browser;
  let evil: Server;
  let url = '';
  let evilPort = 0;
  beforeAll(async () => {
    bench.write('plugin/extension.js', 'export default {};');
    ({ orthanc, url } = await orthancBehindProxy(bench));
    evil = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>evil</title>'),
    );
    await new Promise<void>(resolve => evil.listen(0, '127.0.0.1', resolve));
    evilPort = (evil.address() as AddressInfo).port;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    evil?.close();
    await bench.close();
    await orthanc?.close();
  });

  /** Another port of the same name is "same-site", another name "cross-site". */
  it.each(['127.0.0.1', 'localhost'])(
    'of %s changes nothing, reads nothing and frames nothing',
    async name => {
      const page = await browser.newPage();
      await page.goto(`http://${name}:${evilPort}/`);
      const read = await page.evaluate(async server => {
        const image = (path: string) =>
          new Promise<string>(resolve => {
            const made = document.body.appendChild(new Image());
            made.onload = () => resolve('shown');
            made.onerror = () => resolve('nothing');
            made.src = server + path;
          });
        const fetched = (path: string, init?: RequestInit) =>
          fetch(server + path, init).then(
            answer => `read ${answer.status} ${answer.type}`,
            () => 'nothing',
          );
        const script = new Promise<string>(resolve => {
          const made = document.createElement('script');
          made.onload = () => resolve('ran');
          made.onerror = () => resolve('nothing');
          made.src = `${server}plugins/iscl-ct-denoise/extension.js`;
          document.body.append(made);
        });
        return [
          await image('dicomweb/servers/Peer?_method=DELETE'),
          await image('dicomweb/studies?_method=DELETE'),
          await image('dicomweb/studies'),
          await fetched('dicomweb/studies'),
          await fetched('dicomweb/studies', {
            method: 'POST',
            body: 'x',
            headers: { 'content-type': 'text/plain' },
          }),
          await script,
        ];
      }, url);
      expect(read).toEqual(Array.from(read, () => 'nothing'));
      const framed = await page.evaluate(server => {
        const frame = document.body.appendChild(document.createElement('iframe'));
        return new Promise<string>(resolve => {
          frame.onload = () => {
            try {
              resolve(frame.contentDocument?.title ?? 'none of ours');
            } catch {
              resolve('none of ours');
            }
          };
          frame.src = server;
        });
      }, url);
      expect(framed).not.toBe('viewer');
      expect(page.frames().some(frame => frame.url() === url)).toBe(false);
      expect(await orthanc.get('/dicom-web/servers')).toEqual(['Peer']);
      expect(await orthanc.get('/statistics')).toMatchObject({ CountInstances: 1 });
      await page.close();
    },
  );

  it('may link to the viewer, which reads the PACS', async () => {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${evilPort}/`);
    await page.evaluate(server => {
      location.href = `${server}viewer?StudyInstanceUIDs=1.2.3`;
    }, url);
    await page.waitForURL(/viewer\?StudyInstanceUIDs/);
    expect(await page.title()).toBe('viewer');
    const found = await page.evaluate(async () => (await fetch('/dicomweb/studies')).json());
    expect(found).toMatchObject([{ '0020000D': { Value: [STUDY] } }]);
    await page.close();
  });

  it('runs no script that something put into the viewer', async () => {
    const page = await browser.newPage();
    await page.goto(url);
    const ran = await page.evaluate(async () => {
      document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.hit = 1">');
      const script = document.createElement('script');
      script.textContent = 'window.hit = 2';
      document.body.append(script);
      const far = document.createElement('script');
      far.src = 'http://localhost:1/evil.js';
      document.body.append(far);
      await new Promise(resolve => setTimeout(resolve, 300));
      return 'hit' in window;
    });
    expect(ran).toBe(false);
    await page.close();
  });
});
