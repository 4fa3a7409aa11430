import { STATUS_CODES } from 'node:http';
import type { Readable } from 'node:stream';
import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { mediaTypeOf } from './contentSecurityPolicy';
import { HttpError, queryOf, reasonOf } from './dicomweb/index';
import { dicomwebQuery, isDicomweb, isDicomwebType, requestHeaders, responseHeaders } from './pacsAllowList';

export interface PacsOptions {
  /** DICOMweb root of the PACS, such as `http://pacs.example:8042/dicom-web`. */
  url: string;
  /** Sent with every request to the PACS, such as `authorization`. */
  headers?: Record<string, string>;
}

const NO_ANSWER_FOR_MS = 120_000;

/**
 * Passes DICOMweb below `root` to the service of a PACS and back, bodies streaming both ways; what passes is in pacsAllowList.ts, and any
 * other request is refused with 403 (405 for another method) before the PACS hears of it.
 */
export async function pacsProxy(
  app: FastifyInstance,
  root: string,
  { url, headers = {} }: PacsOptions,
): Promise<void> {
  const pacs = new URL(url);
  const below = (requestUrl: string) => requestUrl.split('?')[0]!.slice(root.length);
  await app.register(async scope => {
    // Patient data does not belong in a browser's disk cache.
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    await scope.register(httpProxy, {
      upstream: pacs.origin,
      prefix: root,
      rewritePrefix: pacs.pathname.replace(/\/+$/, ''),
      httpMethods: ['GET', 'HEAD', 'OPTIONS', 'POST'],
      preHandler: async ({ method, url: requestUrl }) => {
        if (requestUrl.startsWith(root) && isDicomweb(method, below(requestUrl))) return;
        throw method === 'POST'
          ? new HttpError(
              405,
              `POST ${below(requestUrl)} is not STOW-RS; nothing else is passed on to the PACS.`,
            )
          : new HttpError(
              403,
              `${below(requestUrl)} is not DICOMweb; nothing else is passed on to the PACS.`,
            );
      },
      undici: { headersTimeout: NO_ANSWER_FOR_MS, bodyTimeout: NO_ANSWER_FOR_MS },
      replyOptions: {
        // `search` belongs to the upstream's address; the request's own query is in its URL.
        queryString: (_search, requestUrl) => repeatIncludeField(dicomwebQuery(queryOf(requestUrl))),
        rewriteRequestHeaders: (_request, sent) => ({ ...requestHeaders(sent), ...headers }),
        rewriteHeaders: responseHeaders,
        // How long to wait is the viewer's to say: a PACS could name any time.
        retryDelay: () => null,
        onResponse: (request, reply, upstream) => {
          // Typed for HTTP/2 and as an answer of this server; what comes is undici's.
          const { stream } = upstream as unknown as { stream: Readable };
          answer(request.method, reply as unknown as FastifyReply, stream);
        },
        onError: (reply, { error }) => {
          void reply.code(502).send({
            statusCode: 502,
            error: 'Bad Gateway',
            message: `The PACS at ${pacs.origin} does not answer (${reasonOf(error.cause ?? error)}). Check that it runs and that its address is right.`,
          });
        },
      },
    });
  });
}

/** Sends on what a PACS answered, where it is DICOMweb; a page, a redirect or a script becomes a message that names it. */
function answer(method: string, reply: FastifyReply, stream: Readable): void {
  const status = reply.statusCode;
  const contentType = reply.getHeader('content-type');
  const isRedirect = status >= 300 && status < 400 && status !== 304;
  if (!isRedirect && (contentType === undefined || isDicomwebType(String(contentType)))) {
    // A browser would otherwise find out for itself what it could be.
    if (contentType === undefined && status !== 204 && status !== 304 && method !== 'HEAD')
      reply.type('application/octet-stream');
    void reply.send(stream);
    return;
  }
  stream.destroy();
  for (const name of Object.keys(responseHeaders(reply.getHeaders()))) reply.removeHeader(name);
  const sent = isRedirect ? `a redirect (${status})` : `${mediaTypeOf(String(contentType))} (${status})`;
  const passedOn = status >= 400 ? status : 502;
  void reply.code(passedOn).send({
    statusCode: passedOn,
    error: STATUS_CODES[passedOn] ?? 'Error',
    message: `The PACS answered with ${sent} where DICOMweb was asked for. Check the address and the login given to --pacs.`,
  });
}

/**
 * OHIF joins the fields by commas and encodes them (%2C); Orthanc 1.10 with DICOMweb 1.7 then drops the fields without a word.
 * PS3.18, 8.3.4.3 allows the parameter to be repeated, which every server understands. The rest is passed on as it came, without a
 * question mark in front.
 */
export function repeatIncludeField(search: string): string {
  const parts = search.replace(/^\?/, '').split('&').filter(Boolean);
  const repeated = parts.flatMap(part => {
    const [key = '', value = ''] = part.split('=');
    if (key.toLowerCase() !== 'includefield') return [part];
    return decoded(value)
      .split(',')
      .map(field => `includefield=${encodeURIComponent(field)}`);
  });
  return repeated.join('&');
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    throw new HttpError(400, `includefield=${value} is not URL-encoded.`, { cause: error });
  }
}

/** Asks the PACS for one study; undefined when it answers as DICOMweb, otherwise what is wrong, for people. */
export async function pacsProblem({ url, headers = {} }: PacsOptions): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url.replace(/\/+$/, '')}/studies?limit=1`, {
      headers: { ...headers, accept: 'application/dicom+json' },
      // The login is for this address; whom it sends us to is for a person to judge.
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    });
    if (answer.status === 401 || answer.status === 403) {
      return `it wants a login (${answer.status}): give --pacs-header "Authorization: ..." or PACS_AUTH=user:password`;
    }
    if (answer.status >= 300 && answer.status < 400) {
      return `it redirects to ${answer.headers.get('location')}: give that address, if it is the DICOMweb root`;
    }
    if (!answer.ok) return `it answers ${answer.status} to ${answer.url}; is this the DICOMweb root?`;
    return undefined;
  } catch (error) {
    // undici says "fetch failed" and puts the reason in the cause.
    return reasonOf(error instanceof Error && error.cause ? error.cause : error);
  }
}
