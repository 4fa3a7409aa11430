import fc from 'fast-check';
import { assemble, PlaneLedger, planesHeld, PlaneStore, type Slab } from './planes';

const slab = (ids: readonly number[], made: number[] = []): Slab => ({
  height: 1,
  width: 2,
  planes: ids.map(id => ({ id, data: () => (made.push(id), Float32Array.of(id, -id)) })),
});

test('whatever is asked for in whatever order, the worker puts together what was asked, and holds no more than allowed', () => {
  const slabs = fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 5, maxLength: 5 }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(slabs, fc.integer({ min: 0, max: 12 }), (wanted, capacity) => {
      const [ledger, store] = [new PlaneLedger(capacity), new PlaneStore()];
      const held = new Set<number>();
      for (const ids of wanted) {
        const message = ledger.message(slab(ids));
        expect(store.assemble(message)).toEqual(assemble(slab(ids)));
        for (const { id } of message.sent) held.add(id);
        for (const id of message.forget) held.delete(id);
        expect(held.size).toBeLessThanOrEqual(capacity);
      }
    }),
  );
});

test.each([
  [5, 3],
  [7, 5],
  [5, 1],
])('%i -> %i, outward from the middle: each slice crosses once', (n, m) => {
  const last = 20 * m - 1;
  const inputs = (k: number) =>
    Array.from({ length: n }, (_, i) => Math.min(last, Math.max(0, k * m - (n - m) / 2 + i)));
  const outward = Array.from({ length: 21 }, (_, i) => (i % 2 === 0 ? 10 - i / 2 : 10 + (i + 1) / 2));
  const ledger = new PlaneLedger(planesHeld(n));
  const sent = outward
    .filter(k => k >= 0 && k < 20)
    .flatMap(k => ledger.message(slab(inputs(k))).sent.map(({ id }) => id));
  expect(sent.sort((a, b) => a - b)).toEqual(Array.from({ length: last + 1 }, (_, i) => i));
});

test('a slice that cannot be made is not noted as sent', () => {
  const ledger = new PlaneLedger(10);
  const broken: Slab = {
    ...slab([1, 2]),
    planes: [
      { id: 1, data: () => Float32Array.of(1, 1) },
      {
        id: 2,
        data: () => {
          throw new Error('no number');
        },
      },
    ],
  };
  expect(() => ledger.message(broken)).toThrow('no number');
  expect(ledger.message(slab([1, 2])).sent.map(({ id }) => id)).toEqual([1, 2]);
});

test('a worker that was sent another slab than the books say refuses', () => {
  const message = { height: 1, width: 2, planes: [1], sent: [], forget: [] };
  expect(() => new PlaneStore().assemble(message)).toThrow('does not hold slice 1');
});
