import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { passOn } from './gate';

/**
 * A page with src/store as its global `store` and nothing else, on one origin with a DICOMweb server, which is reached under /dicom-web.
 * @param archive root of the server
 */
export async function serveStorePage(archive: string): Promise<{ server: Server; origin: string }> {
  const built = await build({
    stdin: {
      contents: `import * as store from './src/store/index.ts'; globalThis.store = store;`,
      resolveDir: resolve('.'),
      loader: 'ts',
    },
    bundle: true,
    format: 'esm',
    write: false,
    // As in the product: the decoders' packages are never loaded in a browser.
    external: ['@cornerstonejs/*'],
  });
  const server = createServer((incoming, response) => {
    const { url = '/' } = incoming;
    if (url.startsWith('/dicom-web/')) return passOn(incoming, response, archive);
    response.setHeader('Content-Type', url === '/page.js' ? 'text/javascript' : 'text/html');
    response.end(
      url === '/page.js'
        ? built.outputFiles[0]!.text
        : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
