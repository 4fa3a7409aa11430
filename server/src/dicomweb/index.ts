import type { FastifyInstance } from 'fastify';
import { Catalog } from './catalog';
import { reasonOf } from './errors';
import { Readers } from './readers';
import { scanFolder } from './scan';
import { retrieveRoutes } from './retrieve';
import { searchRoutes } from './search';
import { storeRoutes, STORE_LIMITS, type StoreLimits } from './store';
import { StoreFolder } from './storeFolder';

export { lookup } from './dictionary';
export { codeOf, HttpError, reasonOf } from './errors';
export { queryOf } from './qido';
export type { StoreLimits } from './store';

export interface DicomwebOptions {
  /** Path on this server, such as `/dicomweb`. */
  root: string;
  /** Folders to index; read-only. */
  folders: string[];
  /** Folder for what STOW-RS receives; indexed too. */
  store: string;
  limits?: StoreLimits;
  log: (line: string) => void;
}

export interface Dicomweb {
  catalog: Catalog;
  /** Stops indexing and storing. */
  close: () => Promise<void>;
}

/** Mounts QIDO-RS, WADO-RS and STOW-RS over folders below `options.root` and begins indexing in the background. */
export async function dicomweb(app: FastifyInstance, options: DicomwebOptions): Promise<Dicomweb> {
  const { root, log } = options;
  const catalog = new Catalog();
  const stop = new AbortController();
  const readers = new Readers();
  const store = await StoreFolder.open(options.store, catalog, readers);
  const scan = indexAll([...options.folders, options.store], catalog, readers, stop.signal, log);
  catalog.during(scan);

  await app.register(
    async scope => {
      // Patient data does not belong in a browser's disk cache.
      scope.addHook('onSend', async (_request, reply) => {
        reply.header('cache-control', 'no-store');
      });
      // Fastify's own parser would call DICOM JSON "application/json".
      scope.addHook('preSerialization', async (_request, reply, payload) => {
        if (reply.statusCode < 400) reply.type('application/dicom+json; charset=utf-8');
        return payload;
      });
      searchRoutes(scope, catalog, readers, root);
      retrieveRoutes(scope, catalog, readers, root);
      storeRoutes(scope, store, root, options.limits ?? STORE_LIMITS, log);
      scope.get('/_problems', async (_request, reply) => {
        await catalog.settled();
        return reply
          .type('application/json')
          .serializer(JSON.stringify)
          .send({ instances: catalog.size, problems: catalog.problems });
      });
    },
    { prefix: root },
  );
  const close = async () => {
    stop.abort();
    await store.close();
    await readers.close();
  };
  return { catalog, close };
}

const PROGRESS_EVERY = 1000;

async function indexAll(
  folders: string[],
  catalog: Catalog,
  readers: Readers,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  let seen = 0;
  let skipped = 0;
  for (const folder of folders) {
    try {
      const result = await scanFolder(folder, catalog, readers, signal, () => {
        seen += 1;
        if (seen % PROGRESS_EVERY === 0) log(`Indexing: ${seen} files read so far`);
      });
      skipped += result.skipped;
    } catch (error) {
      catalog.problems.push({
        path: folder,
        problem: reasonOf(error),
      });
    }
  }
  if (signal.aborted) return;
  const { size, studies, problems } = catalog;
  log(
    `Indexed ${size} images of ${studies.size} studies${skipped ? `; ${skipped} files are not DICOM` : ''}`,
  );
  for (const { path, problem } of problems.slice(0, 10)) log(`  not used: ${path}: ${problem}`);
  if (problems.length > 10)
    log(`  ... and ${problems.length - 10} more; all are listed at /dicomweb/_problems`);
}
