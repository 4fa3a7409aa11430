import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic, { type FastifyStaticOptions } from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { appConfig, DICOMWEB_PATH, PLUGIN_PATH } from './appConfig';

export interface ViewerOptions {
  /** The unpacked dist of @ohif/app. */
  viewer: string;
  /** Our own dist; the viewer starts without the plugin where it does not exist. */
  plugin: string;
  /** DICOMweb root of the PACS behind the proxy, where there is one. */
  pacs?: string;
}

/** Names with a content hash never change their bytes. */
const HASHED =
  /(\.bundle\.[0-9a-f]{16}\.js|\/[0-9a-f]{16}\.(wasm|woff2|png|svg)|\.[0-9a-f]{8}\.(js|wasm))(\.br|\.gz)?$/;

/** Serves the viewer, the plugin and the viewer's configuration; unknown pages get the viewer, whose routes live in the browser. */
export async function viewerRoutes(
  app: FastifyInstance,
  { viewer, plugin, pacs }: ViewerOptions,
): Promise<void> {
  const config = appConfig({ hasPlugin: existsSync(join(plugin, 'extension.js')), pacs });
  app.get('/app-config.js', async (_request, reply) => {
    return reply.type('text/javascript; charset=utf-8').header('cache-control', 'no-cache').send(config);
  });

  const common = {
    // Files compressed beforehand (scripts/precompress.mjs) are sent where the browser takes them.
    preCompressed: true,
    cacheControl: false,
    dotfiles: 'deny',
    setHeaders: (reply, path) => {
      reply.header('cache-control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
      if (/\.onnx(\.br|\.gz)?$/.test(path)) reply.header('content-type', 'application/octet-stream');
    },
  } satisfies Partial<FastifyStaticOptions>;
  if (existsSync(plugin))
    await app.register(fastifyStatic, { ...common, root: plugin, prefix: `${PLUGIN_PATH}/` });
  await app.register(fastifyStatic, {
    ...common,
    root: viewer,
    prefix: '/',
    decorateReply: !existsSync(plugin),
  });

  app.setNotFoundHandler(async (request, reply) => {
    const [path = ''] = request.url.split('?');
    const isPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
    // A study's address contains dots, so a file extension says nothing about what is a page.
    if (!isPage || [DICOMWEB_PATH, PLUGIN_PATH].some(prefix => path.startsWith(`${prefix}/`))) {
      return reply.code(404).send({
        statusCode: 404,
        error: 'Not Found',
        message: `${request.method} ${path} is not served here.`,
      });
    }
    return reply.header('cache-control', 'no-cache').sendFile('index.html', viewer);
  });
}
