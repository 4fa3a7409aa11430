import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import type { DenoiseJob } from '../../src/denoise';
import type { BrowserEngineOptions, Engine, EngineEvent } from '../../src/engine';

/*
 * A page with the engine and the job and nothing else, for the engine's tests and the bench: real Chromium, real worker, real ONNX Runtime.
 */

/** What the page's global `api` holds. */
export interface PageApi {
  createBrowserEngine(options: BrowserEngineOptions): Engine;
  readonly DenoiseJob: typeof DenoiseJob;
  readonly engines: Engine[];
  readonly events: EngineEvent[];
}

const TYPES: Record<string, string> = {
  '.mjs': 'text/javascript',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};
const moduleAt = (path: string) => JSON.stringify(resolve(path));
const ENTRY = `import { createBrowserEngine } from ${moduleAt('src/engine/index.ts')};
import { DenoiseJob } from ${moduleAt('src/denoise/index.ts')};
globalThis.api = { createBrowserEngine, DenoiseJob, engines: [], events: [] };`;

async function bundle(contents: { stdin: string } | { file: string }): Promise<string> {
  const entry =
    'stdin' in contents
      ? { stdin: { contents: contents.stdin, resolveDir: resolve('.'), loader: 'ts' as const } }
      : { entryPoints: [contents.file] };
  const built = await build({ ...entry, bundle: true, format: 'esm', write: false });
  return built.outputFiles[0]!.text;
}

/**
 * Serves /, /page.js, /worker.js, /ort/ and /models/ on a free port.
 * @param models folder with manifest.json
 * @param isolated send COOP and COEP
 */
export async function serveEnginePage(
  models: string,
  isolated: boolean,
): Promise<{ server: Server; origin: string }> {
  const made: Record<string, string> = {
    '/': '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    '/page.js': await bundle({ stdin: ENTRY }),
    '/worker.js': await bundle({ file: 'src/engine/engine.worker.ts' }),
  };
  const folders: Record<string, string> = { ort: 'node_modules/onnxruntime-web/dist', models };
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://host').pathname;
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    const text = made[path];
    if (text) {
      response.setHeader('Content-Type', path === '/' ? 'text/html' : 'text/javascript');
      return void response.end(text);
    }
    const [, folder = '', name = ''] = path.split('/');
    const file = join(folders[folder] ?? 'missing', name);
    stat(file).then(
      ({ size }) => {
        response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
        response.setHeader('Content-Length', size);
        createReadStream(file).pipe(response);
      },
      () => {
        response.statusCode = 404;
        response.end();
      },
    );
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Chromium with WebGPU on its software adapter where there is no GPU. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--enable-unsafe-webgpu'],
  });
}
