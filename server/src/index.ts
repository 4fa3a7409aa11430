import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import compress from '@fastify/compress';
import fastify from 'fastify';
import { constants } from 'node:zlib';
import { DICOMWEB_PATH } from './appConfig';
import { codeOf, dicomweb, reasonOf, type StoreLimits } from './dicomweb/index';
import { guardOrigin, isLoopback } from './guard';
import { endHeldConnections, httpOptions, PATIENCE, type Patience } from './patience';
import { pacsProblem, pacsProxy, type PacsOptions } from './pacsProxy';
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
  /** A PACS to pass DICOMweb requests to, instead of folders. */
  pacs?: PacsOptions;
  host?: string;
  /** 0 takes any free port. */
  port?: number;
  /** Names by which a reverse proxy, or other computers, reach this server. */
  allowHosts?: string[];
  /** Cross-origin isolation headers, which WebAssembly threads need; on by default. */
  isolation?: boolean;
  limits?: StoreLimits;
  patience?: Patience;
  log?: (line: string) => void;
}

export interface RunningServer {
  /** With a trailing slash: `http://127.0.0.1:3000/`. */
  url: string;
  /** Resolves when every folder is indexed. */
  indexed: () => Promise<void>;
  close: () => Promise<void>;
}

export const VIEWER_VERSION = '3.13.2';

/** Serves the viewer, the plugin and DICOMweb on one origin. Rejects with a message for people when it cannot. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const root = options.root ?? process.cwd();
  const at = (path: string) => resolve(root, path);
  const viewer = at(options.viewer ?? `.cache/ohif/${VIEWER_VERSION}/dist`);
  if (!existsSync(join(viewer, 'index.html')))
    throw new Error(`The OHIF viewer is not in ${viewer}; "npm start" fetches it.`);
  const host = options.host ?? '127.0.0.1';
  const port = options.port ?? 3000;
  const log = options.log ?? (() => {});
  const { pacs, patience = PATIENCE } = options;

  for (const folder of options.dicom ?? []) {
    if (!statSync(at(folder), { throwIfNoEntry: false })?.isDirectory())
      throw new Error(`--dicom ${folder}: there is no such folder.`);
  }
  const app = fastify({
    // A list of frames is long; a UID has up to 64 characters.
    routerOptions: { maxParamLength: 2000 },
    forceCloseConnections: true,
    http: httpOptions(patience),
  });
  endHeldConnections(app, patience);
  guardOrigin(app, host, {
    isolation: options.isolation ?? true,
    allowHosts: options.allowHosts ?? [],
    page: readFileSync(join(viewer, 'index.html'), 'utf8'),
  });
  await app.register(compress, {
    globalDecompression: false,
    threshold: 4096,
    encodings: ['br', 'gzip'],
    // The defaults are made for files compressed once; answers are compressed each time.
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } },
    zlibOptions: { level: 1 },
  });
  const folders = pacs
    ? undefined
    : await dicomweb(app, {
        root: DICOMWEB_PATH,
        folders: (options.dicom ?? ['server/demo']).map(at),
        store: at(options.store ?? '.cache/store'),
        log,
        ...(options.limits && { limits: options.limits }),
      });
  if (pacs) await pacsProxy(app, DICOMWEB_PATH, pacs);
  await viewerRoutes(app, { viewer, plugin: at(options.plugin ?? 'dist'), ...(pacs && { pacs: pacs.url }) });

  const close = async () => {
    await app.close();
    await folders?.close();
  };
  try {
    await app.listen({ host, port });
  } catch (error) {
    await close();
    throw listenError(error, host, port);
  }
  if (!isLoopback(host)) {
    log(
      'Other computers can reach this server, without a login. Over plain http their browsers give pages neither WebGPU nor',
    );
    log('WebAssembly threads: put an https reverse proxy in front (docs/install.md).');
  }
  if (pacs) {
    const problem = await pacsProblem(pacs);
    log(
      problem ? `The PACS at ${pacs.url} cannot be used yet: ${problem}` : `Showing the PACS at ${pacs.url}`,
    );
  }
  const address = app.server.address();
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${typeof address === 'object' ? address?.port : port}/`,
    indexed: async () => folders?.catalog.settled(),
    close,
  };
}

function listenError(error: unknown, host: string, port: number): Error {
  const code = codeOf(error);
  const message =
    code === 'EADDRINUSE'
      ? `Port ${port} is taken by another program; choose one with --port, as in: npm start -- --port ${port + 1}`
      : code === 'EACCES'
        ? `This user may not listen on port ${port}; choose one above 1023 with --port.`
        : code === 'EADDRNOTAVAIL'
          ? `${host} is not an address of this computer.`
          : `The server cannot listen on ${host}:${port}: ${reasonOf(error)}`;
  return new Error(message, { cause: error });
}
