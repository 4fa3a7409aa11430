import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { HttpError } from './dicomweb/index';

export interface GuardOptions {
  /** Cross-origin isolation headers, which WebAssembly threads need. */
  readonly isolation: boolean;
  /** Names by which a reverse proxy, or other computers, reach this server. */
  readonly allowHosts: readonly string[];
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '::1'];

export const isLoopback = (host: string): boolean => LOOPBACK_NAMES.includes(host);

/** Headers that isolate the page, and refusals of pages that only pretend to be this one. */
export function guardOrigin(
  app: FastifyInstance,
  host: string,
  { isolation, allowHosts }: GuardOptions,
): void {
  const ownNames = isLoopback(host) ? [] : [host, hostname()];
  const names = new Set([...LOOPBACK_NAMES, ...ownNames, ...allowHosts].map(name => name.toLowerCase()));
  // A rebound name is a name: an address in its place cannot be one. On 127.0.0.1 no other address reaches us.
  const proxied = new Set(allowHosts.map(name => name.toLowerCase()));
  const isOurs = (name: string) => names.has(name) || (!isLoopback(host) && isIP(name) !== 0);

  app.addHook('onRequest', async (request, reply) => {
    // Same origin throughout, so nothing needs CORS; these also go on what a proxied PACS answers.
    reply.header('cross-origin-resource-policy', 'same-origin');
    reply.header('x-content-type-options', 'nosniff');
    reply.header('x-frame-options', 'SAMEORIGIN');
    if (isolation) {
      reply.header('cross-origin-opener-policy', 'same-origin');
      reply.header('cross-origin-embedder-policy', 'require-corp');
    }
    // A foreign page that points its own name at this computer (DNS rebinding) must not read patient data.
    if (!isOurs(bare(request.hostname))) {
      throw new HttpError(
        421,
        `This server answers to ${[...names].join(', ')}, not to ${request.hostname}; --allow-host adds a name.`,
      );
    }
    // A browser sends a simple POST of any page without asking first, and the proxy would log it in at the PACS.
    const { origin } = request.headers;
    if (request.method === 'GET' || request.method === 'HEAD' || origin === undefined) return;
    const from = URL.canParse(origin) ? new URL(origin) : undefined;
    if (from?.host !== request.host.toLowerCase() && !proxied.has(bare(from?.hostname ?? ''))) {
      throw new HttpError(403, `A page of ${origin} may not store here; --allow-host adds a name.`);
    }
  });
}

/** Without the brackets of an IPv6 address. */
const bare = (name: string): string => name.toLowerCase().replace(/^\[|\]$/g, '');
