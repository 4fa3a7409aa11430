import { modalityOf, storedToHu } from '../../src/ct';
import { deriveInstance, naturalize, parsePart10, WorkerDeriver, type DeriveWorker } from '../../src/dicom';
import { part10, tinyCt } from '../conformance/part10';
import { nodeWorker } from './dicom-node-worker';
import { provenance } from './dicom-fixtures';

describe('deriving in a worker', () => {
  const bytes = part10(tinyCt());
  const instance = naturalize(parsePart10(bytes));
  const stored = Uint16Array.from({ length: 40 * 48 }, (_, i) => (i * 7) % 2000);
  const hu = () => Float32Array.from(stored, value => storedToHu(value, modalityOf(instance)));
  const createdAt = new Date('2026-01-02T03:04:05Z');
  const deriver = new WorkerDeriver(nodeWorker);
  afterAll(() => deriver.dispose());

  test('gives the bytes that deriving here gives, from a file, from a read file and from a viewer’s dataset', async () => {
    const parsed = parsePart10(bytes);
    for (const source of [bytes, { parsed }, { parsed, stored }, { instance, stored }]) {
      const here = await deriveInstance({ source, hu: hu(), provenance, createdAt });
      const there = await deriver.derive({ source, hu: hu(), provenance, createdAt });
      expect(Buffer.compare(there.part10, here.part10)).toBe(0);
      expect(there.sopInstanceUid).toBe(here.sopInstanceUid);
    }
  });
  test('several at once are answered each to its own', async () => {
    const inputs = [0.1, 0.2, 0.3].map(strength => ({
      source: bytes,
      provenance: { ...provenance, strength },
      createdAt,
    }));
    const here = await Promise.all(inputs.map(input => deriveInstance({ ...input, hu: hu() })));
    const there = await Promise.all(inputs.map(input => deriver.derive({ ...input, hu: hu() })));
    const uids = (derived: typeof here) => derived.map(({ sopInstanceUid }) => sopInstanceUid);
    expect(uids(there)).toEqual(uids(here));
    expect(new Set(uids(here)).size).toBe(3);
  });
  test('a damaged source rejects with its notice, and the worker goes on', async () => {
    const damaged = bytes.slice(0, 600);
    await expect(deriver.derive({ source: damaged, hu: hu(), provenance, createdAt })).rejects.toMatchObject({
      notice: { code: 'unreadable-dicom' },
    });
    await expect(
      deriver.derive({ source: bytes, hu: new Float32Array(3), provenance, createdAt }),
    ).rejects.toThrow(RangeError);
    await expect(deriver.derive({ source: bytes, hu: hu(), provenance, createdAt })).resolves.toBeDefined();
  });
  test('disposing rejects what is being derived and all that comes later, and starts no worker again', async () => {
    let started = 0;
    const own = new WorkerDeriver(() => (started++, nodeWorker()));
    const pending = own.derive({ source: bytes, hu: hu(), provenance, createdAt });
    own.dispose();
    await expect(pending).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    const later = own.derive({ source: bytes, hu: hu(), provenance, createdAt });
    await expect(later).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    expect(started).toBe(1);
  });
  test('a worker that breaks is not reported as an unreadable file, and the next call starts another', async () => {
    const listeners: ((event: unknown) => void)[] = [];
    const dead: DeriveWorker = {
      postMessage: () => listeners.forEach(listener => listener({ message: 'out of memory' })),
      addEventListener: (type: string, listener: unknown) =>
        void (type === 'error' && listeners.push(listener as (event: unknown) => void)),
      terminate: () => undefined,
    };
    const workers = [() => dead, nodeWorker];
    const own = new WorkerDeriver(() => workers.shift()!());
    await expect(own.derive({ source: bytes, hu: hu(), provenance, createdAt })).rejects.toMatchObject({
      notice: { code: 'derive-worker', detail: 'out of memory' },
    });
    await expect(own.derive({ source: bytes, hu: hu(), provenance, createdAt })).resolves.toBeDefined();
    own.dispose();
  });
});
