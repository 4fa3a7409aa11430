import fc from 'fast-check';
import { SliceOrder } from './order';

const all = (order: SliceOrder) => {
  const taken: number[] = [];
  for (let next = order.take(); next !== null; next = order.take()) taken.push(next);
  return taken;
};

test('outward from the focus, alternating', () => {
  expect(all(new SliceOrder(7, 3))).toEqual([3, 4, 2, 5, 1, 6, 0]);
  expect(all(new SliceOrder(5, 0))).toEqual([0, 1, 2, 3, 4]);
});

test('a request comes first, also when only requests are served', () => {
  const order = new SliceOrder(9, 0);
  order.request(8);
  order.request(5);
  order.unrequest(8);
  expect(order.take(true)).toBe(5);
  expect(order.take(true)).toBeNull();
  expect(order.take()).toBe(0);
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
        const index = order.take();
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
