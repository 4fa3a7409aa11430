import { anySignal } from '../abort';
import { multipartBody, multipartParts } from './multipart';

/** DICOMweb roots, without a trailing slash. OHIF's data source names the first two qidoRoot and wadoRoot. */
export interface DicomWebRoots {
  readonly qido: string;
  readonly wado: string;
  readonly stow: string;
}

export interface DicomWebOptions {
  readonly roots: DicomWebRoots;
  readonly fetch?: typeof fetch;
  /** Asked before every request, so that a renewed token is used; OHIF: userAuthenticationService.getAuthorizationHeader(). */
  readonly headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** A request may take this long, plus its bytes at 100 kB/s; default 60 s. */
  readonly timeoutMs?: number;
  /** Attempts of a read (QIDO, WADO) that meets a passing fault; default 5. */
  readonly readAttempts?: number;
  /** For tests. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly random?: () => number;
  /** What holds us up: shown in the progress. */
  readonly onHold?: (hold: 'waiting' | null) => void;
}

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** From Retry-After, in seconds or as a date; null without one. */
  readonly retryAfterMs: number | null;
}

/** No whole answer came: refused, reset (also in the middle of the body), timed out, or blocked by CORS. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The server answers a read with a status that will not pass. */
export class ReadRefused extends Error {
  override readonly name = 'ReadRefused';
  constructor(
    readonly status: number,
    readonly url: string,
  ) {
    super(`${url} answered ${status}`);
  }
}

const BYTES_PER_MS_AT_WORST = 100;
const MAX_BACKOFF_MS = 30_000;
const MAX_RETRY_AFTER_MS = 300_000;

/** 501 and 505 speak of what the server is, not of how it feels. */
export const isPassing = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);

/** Explicit VR Little Endian: what we wrote, whatever the archive keeps. */
const UNCOMPRESSED = '1.2.840.10008.1.2.1';

/** A UID comes out of a file, and real ones hold what is no UID: nothing in it may lead to another resource. */
const inPath = (uid: string): string => encodeURIComponent(uid).replace(/^\.+$/, '');
const seriesPath = (studyUid: string, seriesUid: string): string =>
  `studies/${inPath(studyUid)}/series/${inPath(seriesUid)}`;

/** QIDO-RS, WADO-RS and STOW-RS over an injected fetch, for browser and Node alike. */
export class DicomWebClient {
  constructor(private readonly options: DicomWebOptions) {}

  get roots(): DicomWebRoots {
    return this.options.roots;
  }

  /** One POST, not retried; the caller must look at every status. @throws NoAnswer, the signal's reason */
  stow(parts: readonly Blob[], signal?: AbortSignal): Promise<HttpReply> {
    const { body, contentType } = multipartBody(parts);
    const headers = { Accept: 'application/dicom+json', 'Content-Type': contentType };
    return this.request('POST', `${this.roots.stow}/studies`, headers, body, signal);
  }

  /** SOP Instance UIDs of a series; empty when the server knows no such series. @throws ReadRefused, NoAnswer */
  async listInstances(studyUid: string, seriesUid: string, signal?: AbortSignal): Promise<Set<string>> {
    const rows = await this.search(`${seriesPath(studyUid, seriesUid)}/instances`, [], signal);
    return new Set(rows.flatMap(row => stringValue(row, '00080018') ?? []));
  }

  /**
   * A QIDO search, page by page. A server that ignores `offset` sends the first page again: the search ends at a page that
   * brings nothing new.
   * @param include tags for includefield, each a parameter of its own (Orthanc refuses a comma-joined list)
   */
  async search(path: string, include: readonly string[], signal?: AbortSignal): Promise<DicomJson[]> {
    const found = new Map<string, DicomJson>();
    for (;;) {
      const query = new URLSearchParams(include.map(tag => ['includefield', tag]));
      query.set('limit', '1000');
      query.set('offset', String(found.size));
      const url = `${this.roots.qido}/${path}?${query}`;
      const reply = await this.read(url, 'application/dicom+json', signal);
      // 204 is the standard's empty answer; some servers say 404 for a study they do not have.
      if (reply === null || reply.bytes.length === 0) return [...found.values()];
      const page = parseJson(reply.bytes, url);
      const before = found.size;
      for (const row of page)
        found.set(JSON.stringify([row['0020000D'], row['0020000E'], row['00080018']]), row);
      if (found.size === before || page.length === 0) return [...found.values()];
    }
  }

  /** WADO-RS metadata of a series: DICOM JSON, one object an instance. @throws ReadRefused, NoAnswer */
  async metadata(studyUid: string, seriesUid: string, signal?: AbortSignal): Promise<DicomJson[]> {
    const url = `${this.roots.wado}/${seriesPath(studyUid, seriesUid)}/metadata`;
    const reply = await this.read(url, 'application/dicom+json', signal);
    if (reply === null) throw new ReadRefused(404, url);
    return parseJson(reply.bytes, url);
  }

  /** Uncompressed Pixel Data of a single-frame instance. @throws ReadRefused, NoAnswer */
  frame(studyUid: string, seriesUid: string, sopUid: string, signal?: AbortSignal): Promise<Uint8Array> {
    const url = `${this.roots.wado}/${seriesPath(studyUid, seriesUid)}/instances/${inPath(sopUid)}/frames/1`;
    return this.part(
      url,
      `multipart/related; type="application/octet-stream"; transfer-syntax=${UNCOMPRESSED}`,
      signal,
    );
  }

  /** The Part 10 file, in the transfer syntax the server keeps. @throws ReadRefused, NoAnswer */
  instance(studyUid: string, seriesUid: string, sopUid: string, signal?: AbortSignal): Promise<Uint8Array> {
    const url = `${this.roots.wado}/${seriesPath(studyUid, seriesUid)}/instances/${inPath(sopUid)}`;
    return this.part(url, 'multipart/related; type="application/dicom"; transfer-syntax=*', signal);
  }

  private async part(url: string, accept: string, signal?: AbortSignal): Promise<Uint8Array> {
    const reply = await this.read(url, accept, signal);
    if (reply === null) throw new ReadRefused(404, url);
    let parts: Uint8Array[];
    try {
      parts = multipartParts(reply.bytes, reply.contentType);
    } catch (cause) {
      throw new NoAnswer(`${url}: ${(cause as Error).message}`, { cause });
    }
    if (parts.length !== 1) throw new NoAnswer(`${url} answered with ${parts.length} parts instead of one`);
    return parts[0]!;
  }

  /** GET, retried while the fault may pass; null for 204 and 404. */
  private async read(url: string, accept: string, signal?: AbortSignal): Promise<HttpReply | null> {
    const attempts = this.options.readAttempts ?? 5;
    for (let attempt = 1; ; attempt++) {
      let wait: number | null = null;
      try {
        const reply = await this.request('GET', url, { Accept: accept }, null, signal);
        if (reply.status === 204 || reply.status === 404) return null;
        if (reply.status >= 200 && reply.status < 300) return reply;
        if (!isPassing(reply.status) || attempt >= attempts) throw new ReadRefused(reply.status, url);
        wait = reply.retryAfterMs;
      } catch (error) {
        if (!(error instanceof NoAnswer) || attempt >= attempts) throw error;
      }
      await this.backoff(attempt, wait, signal);
    }
  }

  /** Waits before attempt `attempt + 1`: what the server asks, else exponentially with full jitter. */
  async backoff(attempt: number, retryAfterMs: number | null, signal?: AbortSignal): Promise<void> {
    const { random = Math.random, sleep: rest = sleep, onHold } = this.options;
    const ceiling = Math.min(MAX_BACKOFF_MS, 500 * 2 ** (attempt - 1));
    const ms =
      retryAfterMs === null ? ceiling * (0.5 + random() / 2) : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
    onHold?.('waiting');
    try {
      await rest(ms, signal);
    } finally {
      onHold?.(null);
    }
  }

  private async request(
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string>,
    body: Blob | null,
    signal?: AbortSignal,
  ): Promise<HttpReply> {
    return this.once(method, url, { ...headers, ...(await this.options.headers?.()) }, body, signal);
  }

  private async once(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: Blob | null,
    signal?: AbortSignal,
  ): Promise<HttpReply> {
    signal?.throwIfAborted();
    const allowedMs =
      (this.options.timeoutMs ?? 60_000) + Math.ceil((body?.size ?? 0) / BYTES_PER_MS_AT_WORST);
    const limit = AbortSignal.timeout(allowedMs);
    try {
      const response = await (this.options.fetch ?? fetch)(url, {
        method,
        headers,
        body,
        signal: signal ? anySignal(signal, limit) : limit,
        // OHIF talks to its archive with cookies of the same origin only; a token goes into the headers.
        credentials: 'same-origin',
        cache: 'no-store',
      });
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        bytes: new Uint8Array(await response.arrayBuffer()),
        retryAfterMs: retryAfter(response.headers.get('retry-after')),
      };
    } catch (cause) {
      signal?.throwIfAborted();
      const within = limit.aborted ? ` within ${Math.round(allowedMs / 1000)} s` : '';
      throw new NoAnswer(`no answer from ${url}${within}`, { cause });
    }
  }
}

export type DicomJson = {
  readonly [tag: string]: { readonly vr?: string; readonly Value?: readonly unknown[] } | undefined;
};

/** The first string value of `tag`, or null. */
export function stringValue(row: DicomJson, tag: string): string | null {
  const value = row[tag]?.Value?.[0];
  return typeof value === 'string' ? value : null;
}

function parseJson(bytes: Uint8Array, url: string): DicomJson[] {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (Array.isArray(json)) return json as DicomJson[];
    throw new TypeError('not a JSON array');
  } catch (cause) {
    throw new NoAnswer(`${url} did not answer with DICOM JSON`, { cause });
  }
}

function retryAfter(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
