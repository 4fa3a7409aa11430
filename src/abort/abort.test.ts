import { anySignal } from './index';

/* With and without `AbortSignal.any`, which older browsers lack. */
describe.each([true, false])('any of several signals, natively: %s', native => {
  const { any } = AbortSignal;
  beforeAll(() => {
    if (!native) Reflect.deleteProperty(AbortSignal, 'any');
  });
  afterAll(() => {
    Object.defineProperty(AbortSignal, 'any', { value: any, configurable: true, writable: true });
  });

  test('is aborted by the first, with its reason, and stays so', () => {
    expect('any' in AbortSignal).toBe(native);
    const [a, b] = [new AbortController(), new AbortController()];
    const signal = anySignal(a.signal, b.signal);
    const heard: unknown[] = [];
    signal.addEventListener('abort', () => heard.push(signal.reason));
    expect(signal.aborted).toBe(false);
    b.abort('second');
    a.abort('first');
    expect([signal.aborted, signal.reason, heard]).toEqual([true, 'second', ['second']]);
  });
  test('is aborted at once where one is already', () => {
    const signal = anySignal(new AbortController().signal, AbortSignal.abort('gone'));
    expect([signal.aborted, signal.reason]).toEqual([true, 'gone']);
  });
});
