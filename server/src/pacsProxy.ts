import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance } from 'fastify';
import { HttpError, queryOf, reasonOf } from './dicomweb/index';

export interface PacsOptions {
  /** DICOMweb root of the PACS, such as `http://pacs.example:8042/dicom-web`. */
  url: string;
  /** Sent with every request to the PACS, such as `authorization`. */
  headers?: Record<string, string>;
}

/** What a PACS says about its own origin and its own connection must not reach a page of ours. */
const FOREIGN_HEADERS =
  /^(access-control-|cross-origin-|content-security-policy|strict-transport-security|set-cookie|connection$|keep-alive$)/;
/**
 * What a browser says about itself. Cookies of 127.0.0.1 belong to every program on this computer; our Origin would make a PACS that
 * checks it refuse the request, and Referer names the study a page shows.
 */
const PRIVATE_HEADERS = new Set(['cookie', 'origin', 'referer']);
const NO_ANSWER_FOR_MS = 120_000;

/**
 * Passes everything below `root` to the DICOMweb service of a PACS, bodies streaming both ways. GET, and POST to STOW-RS only: nothing
 * here deletes, and a PACS has other services below its root (Orthanc sends studies elsewhere by a POST to `servers`). Paths that climb
 * out of the DICOMweb root are refused by @fastify/reply-from with 400.
 */
export async function pacsProxy(
  app: FastifyInstance,
  root: string,
  { url, headers = {} }: PacsOptions,
): Promise<void> {
  const pacs = new URL(url);
  const stow = new RegExp(`^${root}/studies(/[0-9.]{1,64})?$`);
  await app.register(httpProxy, {
    upstream: pacs.origin,
    prefix: root,
    rewritePrefix: pacs.pathname.replace(/\/+$/, ''),
    httpMethods: ['GET', 'POST'],
    preHandler: async request => {
      const [path = ''] = request.url.split('?');
      if (request.method === 'POST' && !stow.test(path))
        throw new HttpError(405, `POST ${path} is not STOW-RS; nothing else is passed on to the PACS.`);
    },
    undici: { headersTimeout: NO_ANSWER_FOR_MS, bodyTimeout: NO_ANSWER_FOR_MS },
    replyOptions: {
      // `search` belongs to the upstream's address; the request's own query is in its URL.
      queryString: (_search, requestUrl) => repeatIncludeField(queryOf(requestUrl)),
      rewriteRequestHeaders: (_request, sent) => ({
        ...Object.fromEntries(Object.entries(sent).filter(([name]) => !PRIVATE_HEADERS.has(name))),
        ...headers,
      }),
      rewriteHeaders: answered =>
        Object.fromEntries(Object.entries(answered).filter(([name]) => !FOREIGN_HEADERS.test(name))),
      onError: (reply, { error }) => {
        void reply.code(502).send({
          statusCode: 502,
          error: 'Bad Gateway',
          message: `The PACS at ${pacs.origin} does not answer (${reasonOf(error.cause ?? error)}). Check that it runs and that its address is right.`,
        });
      },
    },
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
