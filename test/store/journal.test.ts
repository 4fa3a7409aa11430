import 'fake-indexeddb/auto';
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  indexedDbJournal,
  memoryJournal,
  originPrivateFiles,
  resumeStore,
  storeInstances,
  type JournalStore,
} from '../../src/store';
import { fileJournal } from '../../src/store/node';
import { startFaultServer } from '../faults/server';
import { fakeFolder } from './fake-folder';
import { makeSeries, STUDY } from './instances';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map(folder => rm(folder, { recursive: true, force: true }))));

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'iscl-journal-'));
  folders.push(folder);
  return folder;
}

/** Opens the journal; calling `reopen` is what a reload of the page or a new process does. */
type Kind = { readonly name: string; readonly make: () => Promise<() => Promise<JournalStore>> };
let databases = 0;

const kinds: Kind[] = [
  {
    name: 'IndexedDB',
    make: async () => {
      const name = `journal-${++databases}`;
      return () => indexedDbJournal(name);
    },
  },
  {
    name: 'IndexedDB with files in OPFS',
    make: async () => {
      const name = `journal-${++databases}`;
      const { handle } = fakeFolder();
      return async () => indexedDbJournal(name, (await originPrivateFiles(name, async () => handle))!);
    },
  },
  {
    name: 'folder',
    make: async () => {
      const folder = await temporary();
      return async () => fileJournal(folder);
    },
  },
  {
    name: 'memory',
    make: async () => {
      const journal = memoryJournal();
      return async () => journal;
    },
  },
];

describe.each(kinds)('journal in $name', ({ make }) => {
  const series = makeSeries(6);

  it('resumes after a reload: the rest is sent from the journal alone, then it is empty', async () => {
    const reopen = await make();
    const server = await startFaultServer();
    const roots = { qido: server.url, wado: server.url, stow: server.url };
    const batchBytes = series[0]!.part10.byteLength * 2;
    const options = { server: { roots, sleep: async () => undefined }, batchBytes };
    const controller = new AbortController();
    const report = await storeInstances(series, {
      ...options,
      journal: await reopen(),
      studyInstanceUid: STUDY,
      expected: 6,
      label: 'Chest',
      signal: controller.signal,
      // Cut off with the second request on its way.
      onProgress: ({ bytesSent }) => bytesSent > 3 * series[0]!.part10.byteLength && controller.abort(),
    });
    expect(report.outcome).toBe('cancelled');

    const journal = await reopen();
    const [session] = await journal.sessions();
    expect(session).toMatchObject({ id: report.sessionId, label: 'Chest', expected: 6 });
    // What was never fed cannot be in the journal: it comes again, and what was stored is not sent twice.
    const resumed = await resumeStore(session!.id, { ...options, journal }, series);
    await server.close();
    expect(resumed).toMatchObject({ outcome: 'done', stored: 6, pending: 0 });
    for (const { sopInstanceUid, part10 } of series) {
      expect(Buffer.compare(server.archive.get(sopInstanceUid)!.part10, part10)).toBe(0);
    }
    expect(await (await reopen()).sessions()).toEqual([]);
  });

  it('gets ahead of a slow server: cut off in the first request, everything is sent from the journal alone', async () => {
    const reopen = await make();
    const server = await startFaultServer();
    const roots = { qido: server.url, wado: server.url, stow: server.url };
    const options = { server: { roots }, batchBytes: series[0]!.part10.byteLength * 2 };
    // As the panel names it.
    const sessionId = '2.25.1@http://pacs.example:8042/dicom-web';
    // Stores what it is sent, and never comes to the end of its answer.
    server.always = () => ({ kind: 'slow', msPerByte: 1000 });
    const controller = new AbortController();
    const journal = await reopen();
    const cutOff = storeInstances(series, {
      ...options,
      journal,
      studyInstanceUid: STUDY,
      expected: 6,
      sessionId,
      signal: controller.signal,
    });
    while (server.requests.length < 1 || (await journal.entries(sessionId)).length < 6)
      await new Promise(resolve => setTimeout(resolve, 20));
    expect(server.requests).toHaveLength(1);
    controller.abort();
    await cutOff;

    server.always = null;
    expect(await resumeStore(sessionId, { ...options, journal: await reopen() })).toMatchObject({
      outcome: 'done',
      stored: 6,
    });
    await server.close();
    expect([...server.posts.values()]).toEqual(Array(6).fill(1));
    expect(await (await reopen()).sessions()).toEqual([]);
  });

  it('has no entry for a file that was lost: the instance is taken when it comes again', async () => {
    const reopen = await make();
    const server = await startFaultServer();
    const roots = { qido: server.url, wado: server.url, stow: server.url };
    const options = { server: { roots } };
    server.always = () => ({ kind: 'status', status: 404 });
    await storeInstances(series, {
      ...options,
      journal: await reopen(),
      studyInstanceUid: STUDY,
      expected: 6,
      sessionId: 'lost',
    });
    server.always = null;
    const journal = await reopen();
    expect(await journal.entries('lost')).toHaveLength(6);
    // What a browser short of space does.
    await journal.removeFile('lost', series[2]!.sopInstanceUid);
    const alone = await resumeStore('lost', { ...options, journal: await reopen() });
    expect(alone).toMatchObject({ outcome: 'incomplete', stored: 5, notProduced: 1 });
    const again = await resumeStore('lost', { ...options, journal: await reopen() }, series);
    expect(again).toMatchObject({ outcome: 'done', stored: 6 });
    await server.close();
  });

  it('keeps sessions apart and forgets one at a time', async () => {
    const journal = await (await make())();
    for (const id of ['a', 'b']) {
      await journal.open({ id, studyInstanceUid: STUDY, expected: 1, startedAt: '', target: '', label: '' });
      await journal.putFile(id, '1.2', new Uint8Array([1, 2]));
      await journal.put(id, {
        sopInstanceUid: '1.2',
        seriesInstanceUid: '1',
        byteLength: 2,
        pixelHash: '',
        state: 'pending',
        attempts: 0,
        compare: false,
      });
    }
    await journal.remove('a');
    expect((await journal.sessions()).map(({ id }) => id)).toEqual(['b']);
    expect(await journal.entries('b')).toHaveLength(1);
    expect(new Uint8Array(await (await journal.file('b', '1.2')).arrayBuffer())).toEqual(
      new Uint8Array([1, 2]),
    );
    await journal.removeFile('b', '1.2');
    await expect(journal.file('b', '1.2')).rejects.toThrow();
  });
});

it('a folder journal survives a line torn by a crash, before and after the next append', async () => {
  const folder = await temporary();
  const journal = fileJournal(folder);
  await journal.open({ id: 's', studyInstanceUid: STUDY, expected: 1, startedAt: '', target: '', label: '' });
  const entry = {
    sopInstanceUid: '1',
    seriesInstanceUid: '1',
    byteLength: 1,
    pixelHash: '',
    attempts: 0,
    compare: false,
  } as const;
  await journal.putFile('s', '1', new Uint8Array([1]));
  await journal.put('s', { ...entry, state: 'pending' });
  await appendFile(join(folder, 's', 'entries.jsonl'), '{"sopInstanceUid":"1","sta');
  expect(await journal.entries('s')).toMatchObject([{ state: 'pending' }]);
  await journal.put('s', { ...entry, state: 'accepted' });
  await journal.put('s', { ...entry, state: 'stored' });
  await journal.removeFile('s', '1');
  expect(await journal.entries('s')).toMatchObject([{ state: 'stored' }]);
  // Patients' images: nobody else may look.
  expect((await stat(join(folder, 's'))).mode & 0o77).toBe(0);
  expect((await readdir(join(folder, 's'))).sort()).toEqual(['entries.jsonl', 'session.json']);
});

it('no OPFS, or one that cannot be written from here, falls back to IndexedDB', async () => {
  expect(await originPrivateFiles('x', () => undefined)).toBeNull();
  expect(await originPrivateFiles('x', () => Promise.reject(new Error('blocked')))).toBeNull();
  expect(await originPrivateFiles('x', async () => fakeFolder({ writable: false }).handle)).toBeNull();
});
