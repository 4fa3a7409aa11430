/** @jest-environment ./test/node-environment.cjs */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from './command';

/** An archive that answers each request only after `seconds`. */
async function slow(seconds: number): Promise<{ root: string; server: Server; requests: () => number }> {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    setTimeout(() => {
      response.setHeader('Content-Type', 'application/dicom+json');
      response.end('[]');
    }, 1000 * seconds);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { root: `http://127.0.0.1:${port}/dicom-web`, server, requests: () => requests };
}

it.each([
  ['as long as it is allowed is waited for, and told', 4, '30', 'There is no DICOM image to read.', 1],
  ['longer than that is named with the time', 3, '1', 'within 1 s', 5],
])('an archive that takes %s', async (_what, seconds, timeout, error, attempts) => {
  const { root, server, requests } = await slow(seconds);
  try {
    const argv = ['--from', root, '--study', '1.2.3', '--series', '1.2.4', '--dry-run', '--timeout', timeout];
    const { code, stdout, stderr } = await run(argv);
    expect([code, requests()]).toEqual([5, attempts]);
    expect(stdout).toContain(error);
    expect(stderr).toMatch(/Waiting for the archive: the metadata of series 1 of 1, \d+ s/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
