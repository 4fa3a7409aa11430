import fc from 'fast-check';
import { SliceOrder } from './order';

const all = (order: SliceOrder) => {
  const taken: number[] = [];
  for (let next = order.take(); next !== null; next = order.take()) taken.push(next.slab);
  return taken;
};
/** Slabs of m slices, the last perhaps of fewer. */
const slabs = (count: number, m: number) =>
  Array.from({ length: Math.ceil(count / m) }, (_, k) =>
    Array.from({ length: Math.min(m, count - k * m) }, (_unused, i) => k * m + i),
  );

test('outward from the focus, alternating', () => {
  expect(all(new SliceOrder(7, 3))).toEqual([3, 4, 2, 5, 1, 6, 0]);
  expect(all(new SliceOrder(5, 0))).toEqual([0, 1, 2, 3, 4]);
});

test('a request comes first, also when only requests are served', () => {
  const order = new SliceOrder(9, 0);
  order.request(8);
  order.request(5);
  order.unrequest(8);
  expect(order.take(true)?.slab).toBe(5);
  expect(order.take(true)).toBeNull();
  expect(order.take()?.slab).toBe(0);
});

test('first to the side it was scrolled to, then outward', () => {
  const order = new SliceOrder(9, 6);
  order.focus(4);
  expect(all(order)).toEqual([4, 3, 5, 2, 6, 1, 7, 0, 8]);
  const up = new SliceOrder(12, 0);
  up.plan(slabs(12, 3));
  up.focus(3);
  expect(all(up)).toEqual([1, 2, 0, 3]);
  const down = new SliceOrder(12, 11);
  down.plan(slabs(12, 3));
  down.focus(8);
  expect(all(down)).toEqual([2, 1, 3, 0]);
});

test('a slab whose slice is requested comes first; what is not wanted is not taken', () => {
  const order = new SliceOrder(9, 0, [0, 1, 2, 4, 8]);
  order.request(8);
  order.request(5);
  order.plan(slabs(9, 3));
  expect(order.remaining).toBe(5);
  expect(order.take(true)).toEqual({ slab: 2, wanted: [8] });
  expect(order.take(true)).toBeNull();
  expect([...order.pendingSlabs()]).toEqual([0, 1]);
  expect(order.take()).toEqual({ slab: 0, wanted: [0, 1, 2] });
  order.putBack(1);
  expect(order.take()).toEqual({ slab: 0, wanted: [1] });
  expect(order.take()).toEqual({ slab: 1, wanted: [4] });
  expect(order.take()).toBeNull();
});

test('for every length from 1 to 200: the slab of the focus first, every slice once, outward', () => {
  for (let count = 1; count <= 200; count++) {
    for (const m of [3, 5]) {
      const focus = ((count * 37) % (count + 13)) % count;
      const order = new SliceOrder(count, focus);
      order.plan(slabs(count, m));
      const taken = all(order);
      const visible = Math.floor(focus / m);
      expect(taken[0]).toBe(visible);
      expect(new Set(taken).size).toBe(Math.ceil(count / m));
      const away = taken.map(slab => Math.abs(slab - visible));
      expect(away).toEqual([...away].sort((a, b) => a - b));
    }
  }
});

type Step = { kind: 'take' } | { kind: 'focus' | 'request'; at: number } | { kind: 'putBack' };

test('whatever happens: every slice once, and always the nearest of those with a claim', () => {
  const scenario = fc.integer({ min: 1, max: 40 }).chain(count =>
    fc.record({
      count: fc.constant(count),
      focus: fc.integer({ min: 0, max: count - 1 }),
      steps: fc.array(
        fc.oneof<fc.Arbitrary<Step>[]>(
          fc.constant({ kind: 'take' }),
          fc.constant({ kind: 'putBack' }),
          fc.record({
            kind: fc.constantFrom('focus', 'request'),
            at: fc.integer({ min: 0, max: count - 1 }),
          }),
        ),
      ),
    }),
  );
  fc.assert(
    fc.property(scenario, ({ count, focus: start, steps }) => {
      const order = new SliceOrder(count, start);
      let focus = start;
      const pending = new Set(Array.from({ length: count }, (_, i) => i));
      const requested = new Set<number>();
      const done: number[] = [];
      const take = () => {
        const index = order.take()?.slab ?? null;
        expect(index).not.toBeNull();
        const claimed = requested.size > 0 ? requested : pending;
        expect(claimed.has(index!)).toBe(true);
        for (const other of claimed)
          expect(Math.abs(index! - focus)).toBeLessThanOrEqual(Math.abs(other - focus));
        pending.delete(index!);
        requested.delete(index!);
        done.push(index!);
      };
      for (const step of steps) {
        if (step.kind === 'focus') order.focus((focus = step.at));
        else if (step.kind === 'request') {
          order.request(step.at);
          if (pending.has(step.at)) requested.add(step.at);
        } else if (step.kind === 'putBack' && done.length > 0) {
          const index = done.pop()!;
          order.putBack(index);
          pending.add(index);
        } else if (step.kind === 'take' && pending.size > 0) take();
        expect(order.remaining).toBe(pending.size);
      }
      while (pending.size > 0) take();
      expect(order.take()).toBeNull();
      expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    }),
  );
});
