import { Transform, type Readable } from 'node:stream';
import { Dicer } from '@fastify/busboy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUid } from './catalog';
import type { JsonAttribute, JsonDataset } from './dicomJson';
import { HttpError, reasonOf } from './errors';
import { instancePath } from './retrieve';
import { failureOf, type StoreFolder, type StoreResult } from './storeFolder';

export interface StoreLimits {
  /** Bytes of one request. */
  request: number;
  /** Instances in one request. */
  parts: number;
}
export const STORE_LIMITS: StoreLimits = { request: 2 * 1024 ** 3, parts: 5000 };

type Request = FastifyRequest<{ Params: { study?: string }; Body: Readable }>;

/** STOW-RS (PS3.18, 10.5): 200 when all is stored (or was already), 202 for some, 409 for none, with a result per instance. */
export function storeRoutes(
  app: FastifyInstance,
  store: StoreFolder,
  root: string,
  limits: StoreLimits,
  log: (line: string) => void,
): void {
  // Any other Content-Type is answered with 415 by Fastify; the body is not buffered.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('multipart/related', (_request, body, done) => done(null, body));

  const handle = async (request: Request, reply: FastifyReply) => {
    const { study } = request.params;
    if (study !== undefined && !isUid(study)) throw new HttpError(400, `"${study}" is not a UID.`);
    const boundary = boundaryOf(request.headers['content-type'] ?? '');
    if (Number(request.headers['content-length'] ?? 0) > limits.request) throw tooLarge(limits);
    const results = await receiveParts(request.body, boundary, store, study, limits);
    if (!results.length) throw new HttpError(400, 'The request holds no instance.');
    for (const result of results)
      if (result.kind === 'refused')
        log(`STOW-RS refused ${result.sopUid ?? 'an instance'}: ${result.message}`);
    const failed = results.filter(result => result.kind === 'refused').length;
    const status = failed === 0 ? 200 : failed < results.length ? 202 : 409;
    const absolute = `${request.protocol}://${request.host}${root}`;
    return reply
      .code(status)
      .type('application/dicom+json')
      .send(answer(results, absolute, study));
  };
  // Our own counter limits the size (the parser above hands the stream through).
  app.post('/studies', handle);
  app.post('/studies/:study', handle);
}

/** Throws `HttpError` 400 without a boundary, 415 for parts that are not Part 10 files. */
function boundaryOf(contentType: string): string {
  const boundary = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType);
  const type = /;\s*type=(?:"([^"]*)"|([^\s;"]*))/i.exec(contentType);
  const part = type?.[1] ?? type?.[2] ?? 'application/dicom';
  if (part.toLowerCase() !== 'application/dicom')
    throw new HttpError(415, `Instances are stored as application/dicom, not as ${part}.`);
  const found = boundary?.[1] ?? boundary?.[2];
  if (!found) throw new HttpError(400, 'The Content-Type has no boundary.');
  return found;
}

const tooLarge = (limits: StoreLimits) =>
  new HttpError(
    413,
    `At most ${limits.request} bytes and ${limits.parts} instances are taken in one request; send the series in several.`,
  );

/** Spools each part while it arrives and files it. What was filed before an error stays filed; a resend finds it there. */
async function receiveParts(
  body: Readable,
  boundary: string,
  store: StoreFolder,
  study: string | undefined,
  limits: StoreLimits,
): Promise<StoreResult[]> {
  const results: Promise<StoreResult>[] = [];
  const dicer = new Dicer({ boundary });
  const arriving = new Set<Readable>();
  let received = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      received += chunk.length;
      done(received > limits.request ? tooLarge(limits) : null, chunk);
    },
  });
  await new Promise<void>((resolve, reject) => {
    const stop = (error: Error) => {
      body.unpipe(meter);
      // The rest is read and dropped, so that the client gets to see the answer.
      body.resume();
      // A part that will never be whole ends here, and its spool is removed.
      for (const part of arriving) part.destroy(error);
      reject(error);
    };
    dicer.on('part', part => {
      if (results.length >= limits.parts) {
        part.resume();
        stop(tooLarge(limits));
        return;
      }
      arriving.add(part);
      part.once('end', () => arriving.delete(part));
      const spooled = store.receive(part).then(
        spool => store.keep(spool, study),
        (error: unknown): StoreResult => ({
          kind: 'refused',
          reason: failureOf(error),
          message: reasonOf(error),
        }),
      );
      results.push(spooled);
    });
    dicer.on('finish', () => resolve());
    dicer.on('error', error =>
      stop(new HttpError(400, `The multipart body is malformed: ${error.message}.`, { cause: error })),
    );
    meter.on('error', stop);
    body.on('error', error => stop(new HttpError(400, 'The request was cut off.', { cause: error })));
    body.on('aborted', () => stop(new HttpError(400, 'The request was cut off.')));
    body.pipe(meter).pipe(dicer);
  }).catch(async (error: unknown) => {
    await Promise.all(results);
    throw error;
  });
  return Promise.all(results);
}

const of = (vr: string, ...Value: unknown[]): JsonAttribute => ({ vr, Value });

/** PS3.18, table 10.5.3-1, in DICOM JSON. */
function answer(results: StoreResult[], root: string, study: string | undefined): JsonDataset {
  const stored = results.flatMap(result => (result.kind === 'refused' ? [] : [result.described.instance]));
  const refused = results.flatMap(result => (result.kind === 'refused' ? [result] : []));
  // Of the whole request, so only where it is all in one study.
  const [oneStudy, ...otherStudies] = new Set(stored.map(({ studyUid }) => studyUid));
  const studyUid = study ?? (otherStudies.length === 0 ? oneStudy : undefined);
  return {
    ...(studyUid !== undefined && { '00081190': of('UR', `${root}/studies/${studyUid}`) }),
    ...(refused.length && {
      '00081198': of(
        'SQ',
        ...refused.map(({ sopClassUid, sopUid, reason }) => ({
          '00081150': sopClassUid ? of('UI', sopClassUid) : { vr: 'UI' },
          '00081155': sopUid ? of('UI', sopUid) : { vr: 'UI' },
          '00081197': of('US', reason),
        })),
      ),
    }),
    ...(stored.length && {
      '00081199': of(
        'SQ',
        ...stored.map(instance => ({
          '00081150': of('UI', instance.sopClassUid),
          '00081155': of('UI', instance.sopUid),
          '00081190': of('UR', root + instancePath(instance)),
        })),
      ),
    }),
  };
}
