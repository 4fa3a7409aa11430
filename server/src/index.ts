import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import compress from '@fastify/compress';
import fastify from 'fastify';
import { constants } from 'node:zlib';
import { DICOMWEB_PATH } from './appConfig';
import { dicomweb, HttpError, type StoreLimits } from './dicomweb/index';
import { viewerRoutes } from './viewer';

export interface ServerOptions {
  /** Folder of the repository; the defaults below are relative to it. */
  root?: string;
  /** Unpacked dist of @ohif/app; default `.cache/ohif/3.13.2/dist`. */
  viewer?: string;
  /** Built plugin; default `dist`. */
  plugin?: string;
  /** Folders to index; default the demo study. */
  dicom?: string[];
  /** Folder for what STOW-RS receives; default `.cache/store`. */
  store?: string;
  host?: string;
  /** 0 takes any free port. */
  port?: number;
  /** Cross-origin isolation headers, which WebAssembly threads need; on by default. */
  isolation?: boolean;
  limits?: StoreLimits;
  log?: (line: string) => void;
}

export interface RunningServer {
  /** With a trailing slash: `http://127.0.0.1:3000/`. */
  url: string;
  /** Resolves when every folder is indexed. */
  indexed: () => Promise<void>;
  close: () => Promise<void>;
}

export { HttpError };
export const VIEWER_VERSION = '3.13.2';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

/** Serves the viewer, the plugin and DICOMweb on one origin. Rejects with a message for people when it cannot. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const root = options.root ?? process.cwd();
  const at = (path: string) => resolve(root, path);
  const viewer = at(options.viewer ?? `.cache/ohif/${VIEWER_VERSION}/dist`);
  if (!existsSync(join(viewer, 'index.html')))
    throw new Error(`The OHIF viewer is not in ${viewer}; "npm start" fetches it.`);
  const host = options.host ?? '127.0.0.1';
  const log = options.log ?? (() => {});

  const app = fastify({
    // A list of frames is long; a UID has up to 64 characters.
    routerOptions: { maxParamLength: 2000 },
    forceCloseConnections: true,
  });
  app.addHook('onRequest', async (request, reply) => {
    // Same origin throughout, so nothing needs CORS; these also go on what a proxied PACS answers.
    reply.header('cross-origin-resource-policy', 'same-origin');
    reply.header('x-content-type-options', 'nosniff');
    if (options.isolation !== false) {
      reply.header('cross-origin-opener-policy', 'same-origin');
      reply.header('cross-origin-embedder-policy', 'require-corp');
    }
    // A foreign page that points its own name at 127.0.0.1 (DNS rebinding) must not read patient data.
    if (LOOPBACK.has(host) && !LOOPBACK.has(request.hostname.replace(/^\[|\]$/g, ''))) {
      throw new HttpError(421, `This server answers to 127.0.0.1 and localhost, not to ${request.hostname}.`);
    }
  });
  await app.register(compress, {
    globalDecompression: false,
    threshold: 4096,
    encodings: ['br', 'gzip'],
    // The defaults are made for files compressed once; answers are compressed each time.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } },
    zlibOptions: { level: 1 },
  });

  const service = await dicomweb(app, {
    root: DICOMWEB_PATH,
    folders: (options.dicom ?? ['server/demo']).map(at),
    store: at(options.store ?? '.cache/store'),
    log,
    ...(options.limits && { limits: options.limits }),
  });
  await viewerRoutes(app, { viewer, plugin: at(options.plugin ?? 'dist'), isProxy: false });

  try {
    await app.listen({ host, port: options.port ?? 3000 });
  } catch (error) {
    service.close();
    await app.close();
    throw listenError(error, host, options.port ?? 3000);
  }
  const address = app.server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${port ?? options.port}/`,
    indexed: () => service.catalog.settled(),
    close: async () => {
      service.close();
      await app.close();
    },
  };
}

function listenError(error: unknown, host: string, port: number): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const message =
    code === 'EADDRINUSE'
      ? `Port ${port} is taken by another program; choose one with --port, as in: npm start -- --port ${port + 1}`
      : code === 'EACCES'
        ? `This user may not listen on port ${port}; choose one above 1023 with --port.`
        : code === 'EADDRNOTAVAIL'
          ? `${host} is not an address of this computer.`
          : `The server cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`;
  return new Error(message, { cause: error });
}
