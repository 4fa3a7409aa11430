import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUid, type Catalog, type Instance } from './catalog';
import { HttpError } from './errors';
import { multipartRelated, type Part } from './multipart';
import type { Readers } from './readers';

interface Params {
  study: string;
  series?: string;
  instance?: string;
  frames?: string;
  '*'?: string;
}
type Request = FastifyRequest<{ Params: Params }>;

export const instancePath = ({ studyUid, seriesUid, sopUid }: Instance): string =>
  `/studies/${studyUid}/series/${seriesUid}/instances/${sopUid}`;

/** Where the bulk data of an instance is found: a path on this server. */
export const metadataBase = (instance: Instance, root: string): string => root + instancePath(instance);

/** WADO-RS: studies, series and instances, their metadata, frames and bulk data (PS3.18, 10.4). */
export function retrieveRoutes(app: FastifyInstance, catalog: Catalog, readers: Readers, root: string): void {
  const scope = async (request: Request): Promise<Instance[]> => {
    const { study, series, instance } = request.params;
    for (const uid of [study, series, instance]) {
      if (uid !== undefined && !isUid(uid)) throw new HttpError(400, `"${uid}" is not a UID.`);
    }
    await catalog.settled();
    const ofStudy = catalog.studies.get(study);
    const chosen = [...(ofStudy?.series.values() ?? [])].filter(
      one => series === undefined || one.uid === series,
    );
    const found = chosen
      .flatMap(one => [...one.instances.values()])
      .filter(one => instance === undefined || one.sopUid === instance);
    if (!found.length) throw new HttpError(404, `Nothing is stored here under ${request.url.split('?')[0]}.`);
    return found;
  };
  const one = async (request: Request): Promise<Instance> => {
    const [instance] = await scope(request);
    if (!instance) throw new HttpError(404, 'No such instance.');
    return instance;
  };

  const metadata = async (request: Request) => {
    acceptOnly(request, ['application/dicom+json', 'application/json']);
    const found = await scope(request);
    return Promise.all(
      found.map(instance => readers.run('metadata', instance, metadataBase(instance, root))),
    );
  };
  const retrieve = async (request: Request, reply: FastifyReply) => {
    const found = await scope(request);
    // A file that is gone is a status, not a torn body.
    await Promise.all(found.map(instance => readers.run('check', instance)));
    const [first] = found;
    if (
      first &&
      request.params.instance !== undefined &&
      accepts(request).some(type => type.startsWith('application/dicom'))
    ) {
      return reply.type('application/dicom').send(createReadStream(first.path));
    }
    acceptOnly(request, ['multipart/related']);
    return sendParts(
      reply,
      'application/dicom',
      found.map(({ path, transferSyntaxUid }) => ({
        contentType: `application/dicom; transfer-syntax=${transferSyntaxUid}`,
        body: () => readFile(path),
      })),
    );
  };

  for (const level of [
    '/studies/:study',
    '/studies/:study/series/:series',
    '/studies/:study/series/:series/instances/:instance',
  ]) {
    app.get(`${level}/metadata`, metadata);
    app.get(level, retrieve);
    for (const rendering of ['rendered', 'thumbnail']) {
      app.get(`${level}/${rendering}`, () => {
        throw new HttpError(
          406,
          `This server keeps images as they are; set thumbnailRendering and imageRendering to "wadors" (asked for: ${rendering}).`,
        );
      });
    }
  }

  app.get(
    '/studies/:study/series/:series/instances/:instance/frames/:frames',
    async (request: Request, reply) => {
      acceptOnly(request, [
        'multipart/related',
        'application/octet-stream',
        'image/jls',
        'image/jpeg',
        'image/jp2',
        'image/jphc',
      ]);
      const numbers = (request.params.frames ?? '')
        .split(',')
        .map(part => (/^[1-9]\d{0,6}$/.test(part) ? Number(part) : NaN));
      if (numbers.some(Number.isNaN))
        throw new HttpError(400, `"${request.params.frames}" is not a list of frame numbers from 1.`);
      const instance = await one(request);
      const frames = await readers.run('frames', instance);
      for (const number of numbers)
        if (number > frames.count)
          throw new HttpError(404, `Frame ${number} was asked for; this instance has ${frames.count}.`);
      const contentType = `${frames.mediaType}; transfer-syntax=${frames.transferSyntaxUid}`;
      // The first frame is read before the answer starts, so that a damaged file is a status and not a torn body.
      const first = await readers.run('frame', instance, numbers[0] ?? 1);
      return sendParts(
        reply,
        frames.mediaType,
        numbers.map((number, i) => ({
          contentType,
          body: i === 0 ? async () => first : () => readers.run('frame', instance, number),
        })),
      );
    },
  );

  app.get(
    '/studies/:study/series/:series/instances/:instance/bulkdata/*',
    async (request: Request, reply) => {
      const path = request.params['*'] ?? '';
      if (!/^[0-9A-Fa-f]{8}(\/\d+\/[0-9A-Fa-f]{8})*$/.test(path))
        throw new HttpError(400, `"${path}" is not the path of a DICOM element.`);
      const { mediaType, values } = await bulkData(readers, await one(request), path.toUpperCase());
      const [single] = values;
      const wantsSingle = !accepts(request).some(type => type.startsWith('multipart/'));
      if (single && values.length === 1 && wantsSingle) return reply.type(mediaType).send(await single());
      return sendParts(
        reply,
        'application/octet-stream',
        values.map(body => ({ contentType: mediaType, body })),
      );
    },
  );
}

/** A bulk element: one buffer, or one for each frame of the pixel data. */
async function bulkData(
  readers: Readers,
  instance: Instance,
  path: string,
): Promise<{ mediaType: string; values: (() => Promise<Buffer>)[] }> {
  if (path !== '7FE00010') {
    const value = await readers.run('bulkValue', instance, path);
    return { mediaType: 'application/octet-stream', values: [async () => value] };
  }
  const { count, mediaType, transferSyntaxUid } = await readers.run('frames', instance);
  // The last one first: a header that announces more frames than there are must not become a list of them.
  await readers.run('frame', instance, count);
  return {
    mediaType: `${mediaType}; transfer-syntax=${transferSyntaxUid}`,
    values: Array.from({ length: count }, (_, i) => () => readers.run('frame', instance, i + 1)),
  };
}

function sendParts(reply: FastifyReply, type: string, parts: Part[]): FastifyReply {
  const { contentType, stream } = multipartRelated(type, parts);
  return reply.header('content-type', contentType).send(stream);
}

function accepts(request: FastifyRequest): string[] {
  return (request.headers.accept ?? '*/*')
    .toLowerCase()
    .split(',')
    .map(type => type.trim());
}

/** Throws `HttpError` 406 unless one of the media types is acceptable. Transfer syntaxes are never changed, so `transfer-syntax` is not read. */
function acceptOnly(request: FastifyRequest, types: string[]): void {
  const isFine = accepts(request).some(type => {
    const plain = type.split(';')[0]?.trim() ?? '';
    return (
      plain === '*/*' ||
      types.includes(plain) ||
      (plain.endsWith('/*') && types.some(one => one.startsWith(plain.slice(0, -1))))
    );
  });
  if (!isFine)
    throw new HttpError(
      406,
      `This resource is served as ${types.join(', ')}; asked for: ${request.headers.accept}.`,
    );
}
