import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import type { DeriveInput, DerivedInstance } from '../../src/dicom';

/*
 * A page with the deriving worker and nothing else: the worker file that the plugin ships, bundled, in real Chromium.
 */

/** What the page's global `api` holds. */
export interface DerivePageApi {
  derive(input: DeriveInput): Promise<DerivedInstance>;
}

async function bundle(contents: string): Promise<string> {
  const built = await build({
    stdin: { contents, resolveDir: resolve('.'), loader: 'ts' },
    bundle: true,
    format: 'esm',
    write: false,
    // As in the product: the decoders' packages are never loaded in a browser.
    external: ['@cornerstonejs/*'],
  });
  return built.outputFiles[0]!.text;
}

/** Serves the page, its script and the worker on a free port. */
export async function serveDerivePage(): Promise<{ server: Server; origin: string }> {
  const scripts: Record<string, string> = {
    '/page.js': await bundle(`import { WorkerDeriver } from './src/dicom/index.ts';
      const deriver = new WorkerDeriver(() => new Worker('/worker.js', { type: 'module' }));
      globalThis.api = { derive: deriver.derive };`),
    '/worker.js': await bundle(`import './src/dicom/derive/derive.worker.ts';`),
  };
  const server = createServer((request, response) => {
    const script = scripts[request.url!];
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
    response.end(
      script ??
        '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    );
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
