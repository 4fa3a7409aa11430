import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUid, type Catalog } from './catalog';
import { HttpError } from './errors';
import {
  parseQuery,
  queryOf,
  searchInstances,
  searchSeries,
  searchStudies,
  type Level,
  type Query,
} from './qido';
import type { Readers } from './readers';
import { metadataBase } from './retrieve';

interface Params {
  study?: string;
  series?: string;
}
type Request = FastifyRequest<{ Params: Params }>;

/** QIDO-RS: studies, series and instances (PS3.18, 10.6). */
export function searchRoutes(app: FastifyInstance, catalog: Catalog, readers: Readers, root: string): void {
  const read = (request: Request, level: Level): Query => {
    const { study, series } = request.params;
    for (const uid of [study, series])
      if (uid !== undefined && !isUid(uid)) throw new HttpError(400, `"${uid}" is not a UID.`);
    return parseQuery(queryOf(request.url), level);
  };
  const absolute = (request: Request) => `${request.protocol}://${request.host}${root}`;

  // The list of studies is shown at once, and grows while folders are read; what is inside a study waits to be complete.
  app.get('/studies', (request: Request) =>
    searchStudies(catalog, read(request, 'study'), absolute(request)),
  );

  const series = async (request: Request) => {
    const query = read(request, 'series');
    await catalog.settled();
    return searchSeries(catalog, query, absolute(request), request.params.study);
  };
  app.get('/series', series);
  app.get('/studies/:study/series', series);

  const instances = async (request: Request) => {
    const query = read(request, 'instance');
    await catalog.settled();
    const found = searchInstances(
      catalog,
      query,
      absolute(request),
      request.params.study,
      request.params.series,
    );
    const answers = [];
    for (const { answer, instance } of found) {
      const wanted = query.include === 'all' ? undefined : [...query.include].filter(tag => !(tag in answer));
      if (wanted?.length === 0) {
        answers.push(answer);
        continue;
      }
      const all = await readers.run('metadata', instance, metadataBase(instance, root));
      const extra = wanted
        ? Object.fromEntries(wanted.flatMap(tag => (all[tag] ? [[tag, all[tag]]] : [])))
        : all;
      answers.push({ ...extra, ...answer });
    }
    return answers;
  };
  app.get('/instances', instances);
  app.get('/studies/:study/instances', instances);
  app.get('/studies/:study/series/:series/instances', instances);
}
