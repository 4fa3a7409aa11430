import { hostname } from 'node:os';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DICOMWEB_PATH } from './appConfig';
import { dataPolicy, viewerPolicy } from './contentSecurityPolicy';
import { HttpError } from './dicomweb/index';

export interface GuardOptions {
  /** Cross-origin isolation headers, which WebAssembly threads need. */
  readonly isolation: boolean;
  /** Names by which a reverse proxy, or other computers, reach this server. */
  readonly allowHosts: readonly string[];
  /** The viewer's index.html, whose inline scripts are allowed. */
  readonly page: string;
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '::1'];

export const isLoopback = (host: string): boolean => LOOPBACK_NAMES.includes(host);

/** Security headers on every answer, and refusals of what another page sends. */
export function guardOrigin(
  app: FastifyInstance,
  host: string,
  { isolation, allowHosts, page }: GuardOptions,
): void {
  const ownNames = isLoopback(host) ? [] : [host, hostname()];
  const names = new Set([...LOOPBACK_NAMES, ...ownNames, ...allowHosts].map(name => name.toLowerCase()));
  const proxied = new Set(allowHosts.map(name => name.toLowerCase()));
  // DNS rebinding needs a name, so any address is accepted where other computers may connect. On 127.0.0.1 no other address arrives.
  const isOurs = (name: string) => names.has(name) || (!isLoopback(host) && isIP(name) !== 0);
  const isOwnPage = (request: FastifyRequest, address: string) => {
    const from = URL.canParse(address) ? new URL(address) : undefined;
    return from?.host === request.host.toLowerCase() || proxied.has(bare(from?.hostname ?? ''));
  };

  app.addHook('onRequest', async request => {
    if (countOf('host', request.raw.rawHeaders) !== 1)
      throw new HttpError(400, 'A request has one Host header.');
    // A foreign page that points its own name at this computer (DNS rebinding) must not read patient data.
    if (!isOurs(bare(request.hostname))) {
      throw new HttpError(
        421,
        `This server answers to ${[...names].join(', ')}, not to ${request.hostname}; --allow-host adds a name.`,
      );
    }
    refuseForeignPages(request, isOwnPage);
  });

  const policy = viewerPolicy(page);
  // Last, so that nothing a route or a PACS sets stays in their place.
  app.addHook('onSend', async (request, reply) => {
    const contentType = String(reply.getHeader('content-type') ?? '');
    reply.headers({
      'content-security-policy': isData(request) ? dataPolicy(contentType) : policy,
      // Same origin throughout, so nothing needs CORS.
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      // Addresses name studies.
      'referrer-policy': 'same-origin',
      ...(isolation && {
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      }),
    });
  });
}

/** Whether a request is for the DICOMweb service, by the route that was found and not by how its address is written. */
const isData = (request: FastifyRequest): boolean =>
  (request.routeOptions.url ?? request.url).startsWith(DICOMWEB_PATH);

/**
 * Throws `HttpError` 403 for what a page of another origin sends. A browser asks nobody before it sends a simple GET or POST of any page
 * (an `<img>` is enough), and behind the proxy that request would be logged in at the PACS. What another page may do is link to the viewer.
 */
function refuseForeignPages(
  request: FastifyRequest,
  isOwnPage: (request: FastifyRequest, address: string) => boolean,
): void {
  const { origin, referer, 'sec-fetch-site': site } = request.headers;
  const foreign = (who: string) =>
    new HttpError(403, `${who} may not use this server; --allow-host adds the name of a proxy before it.`);
  if (origin !== undefined && !isOwnPage(request, origin)) throw foreign(`A page of ${origin}`);
  if (site !== undefined) {
    // "none": a person typed the address or took a bookmark. Another port of the same name is "same-site", and another program.
    if (site !== 'same-origin' && site !== 'none' && !isLinkToPage(request)) throw foreign('Another page');
  } else if (referer !== undefined && isData(request) && !isOwnPage(request, referer)) {
    // A browser names the site to https and localhost only; to a plain http address this has to do.
    throw foreign(`A page of ${referer}`);
  }
}

/** A link that somebody followed, such as from a hospital's information system to a study. */
const isLinkToPage = (request: FastifyRequest): boolean =>
  (request.method === 'GET' || request.method === 'HEAD') &&
  request.headers['sec-fetch-mode'] === 'navigate' &&
  request.headers['sec-fetch-dest'] === 'document' &&
  !isData(request);

/** How often a header stands in a request; Node's own table keeps the first. `raw` alternates names and values. */
const countOf = (name: string, raw: readonly string[]): number =>
  raw.filter((text, i) => i % 2 === 0 && text.toLowerCase() === name).length;

/** Without the brackets of an IPv6 address. */
const bare = (name: string): string => name.toLowerCase().replace(/^\[|\]$/g, '');
