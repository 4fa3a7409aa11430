import { connect, type Socket } from 'node:net';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Bench } from './server-fixtures';

/** Resolves with what came when the server ends the connection. */
function held(url: string, first: string, then?: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname, () => {
      if (first) socket.write(first);
      then?.(socket);
    });
    let text = '';
    socket.on('data', chunk => (text += String(chunk)));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

describe('connections that are only held', () => {
  const bench = new Bench();
  let url = '';
  beforeAll(async () => {
    const patience = { headersMs: 500, bodyMs: 500, answerMs: 500 };
    url = (await bench.start({ patience })).url;
  });
  afterAll(() => bench.close());
  const head =
    'POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\n' +
    'Content-Type: multipart/related; type="application/dicom"; boundary=B\r\nTransfer-Encoding: chunked\r\n\r\n';
  const part = '--B\r\nContent-Type: application/dicom\r\n\r\nhalf an image';
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

  it.each([
    ['without a request', ''],
    ['in the middle of the headers', 'GET / HTTP/1.1\r\nHost: local'],
    ['before the body', head],
    ['in the middle of a body', head + chunk(part)],
  ])('end: %s', async (_where, first) => {
    await held(url, first);
  });

  it('end when a body trickles, and leave nothing behind', async () => {
    let timer: NodeJS.Timeout | undefined;
    await held(url, head + chunk(part), socket => {
      timer = setInterval(() => socket.write(chunk('x')), 50);
    });
    clearInterval(timer);
    const incoming = join(bench.folder, 'store/.incoming');
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      if (readdirSync(incoming).every(name => readdirSync(join(incoming, name)).length === 0)) break;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    expect(readdirSync(incoming).flatMap(name => readdirSync(join(incoming, name)))).toEqual([]);
  });

  it('end when nobody takes the answer', async () => {
    bench.write('viewer/large.bin', Buffer.alloc(64 * 2 ** 20));
    const { hostname, port } = new URL(url);
    await new Promise<void>(resolve => {
      const socket = connect(Number(port), hostname, () => {
        socket.write('GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
        socket.pause();
      });
      socket.on('error', () => undefined);
      // A paused socket hears of the end only when it reads on.
      setTimeout(() => socket.resume(), 3000);
      socket.on('close', () => {
        expect(socket.bytesRead).toBeLessThan(64 * 2 ** 20);
        resolve();
      });
    });
  });

  it('a body that comes on is taken, however long it takes', async () => {
    const filler = `${'x'.repeat(1100)}`;
    let sent = 0;
    const answer = await held(url, head + chunk(part), socket => {
      const timer = setInterval(() => {
        sent += 1;
        if (sent < 16) return socket.write(chunk(filler));
        clearInterval(timer);
        return socket.write(`${chunk('\r\n--B--\r\n')}0\r\n\r\n`, () => setTimeout(() => socket.end(), 2000));
      }, 100);
    });
    expect(sent).toBe(16);
    expect(answer).toMatch(/^HTTP\/1\.1 409 /);
  });
});
