import { DenoiseError, type Fault } from '../notices';
import { ProviderUnavailable } from './adapter';
import { boxCard } from './fixtures';
import { assemble } from './planes';
import type { OpenStep } from './session';
import { type EngineParts, type OpenBackend, SupervisedEngine } from './supervisor';
import type { Tensor } from './tensor';
import type { EngineEvent, Provider } from './types';

/** What the stand-in runtime does at the next runs; when the list is empty, it works. */
type Behaviour = 'works' | 'waits' | 'throws' | 'hangs' | 'lost' | 'nan' | 'far-off';

class Runtime {
  readonly opened: Provider[] = [];
  closed = 0;
  runs = 0;
  cards = 0;
  readonly fileErrors: Error[] = [];
  readonly next: Behaviour[] = [];
  /** Errors of the next openings, in order; null opens. */
  readonly openErrors: (Error | 'hangs' | null)[] = [];
  readonly tensors: Tensor[] = [];
  queues = true;
  /** Ends the runs that wait, oldest first. */
  readonly finish: ((behaviour: 'works' | 'throws') => void)[] = [];

  engine(providers: Provider[] = ['webgpu', 'wasm'], seconds = 0.05): SupervisedEngine {
    const parts: EngineParts = {
      providers,
      reference: 'wasm',
      threads: 1,
      warmUp: null,
      loadCard: async () => {
        this.cards += 1;
        return boxCard();
      },
      loadFiles: async () => {
        const error = this.fileErrors.shift();
        if (error) throw error;
        const golden = { input: new Float32Array(), output: new Float32Array(), full: null };
        return { model: new Uint8Array(), wasmGraph: null, golden, fromCache: false };
      },
      open: ({ provider }, onStep) => this.#open(provider, onStep),
      openSeconds: seconds,
      runSeconds: () => seconds,
    };
    return new SupervisedEngine(parts);
  }

  async #open(provider: Provider, onStep: (step: OpenStep) => void): Promise<OpenBackend> {
    this.opened.push(provider);
    const error = this.openErrors.shift();
    if (error === 'hangs') await new Promise(() => undefined);
    if (error instanceof Error) throw error;
    onStep('load');
    onStep('self-test');
    let reject: (error: Error) => void = () => undefined;
    return {
      opened: {
        adapter: null,
        threads: 1,
        crossOriginIsolated: true,
        runtime: 'stand-in 1.0',
        selfTest: { maxErrorHu: 0, againstWasmHu: null, fullSizeErrorHu: null, toleranceHu: 1 },
      },
      queues: this.queues,
      run: async slab => {
        const tensor = assemble(slab);
        this.runs += 1;
        this.tensors.push(tensor);
        const { height, width } = tensor;
        const data = (hu: number) => ({
          data: new Float32Array(height * width).fill(hu),
          height,
          width,
          ms: 1,
        });
        return new Promise((resolve, fail) => {
          reject = fail;
          const behaviour = this.next.shift() ?? 'works';
          const lost: Fault = { kind: 'fault', code: 'device-lost', provider };
          if (behaviour === 'works') resolve(data(7));
          else if (behaviour === 'waits')
            this.finish.push(how => (how === 'works' ? resolve(data(7)) : fail(new Error('out of memory'))));
          else if (behaviour === 'nan') resolve(data(Number.NaN));
          else if (behaviour === 'far-off') resolve(data(60_000));
          else if (behaviour === 'throws') fail(new Error('out of memory'));
          else if (behaviour === 'lost') fail(new DenoiseError(lost));
        });
      },
      close: () => {
        this.closed += 1;
        reject(new DenoiseError({ kind: 'fault', code: 'cancelled' }));
      },
    };
  }
}

const slice = () => ({ hu: new Float32Array(64).fill(5), rows: 8, columns: 8 });
const events = (engine: SupervisedEngine) => {
  const seen: EngineEvent[] = [];
  engine.subscribe(event => seen.push(event));
  return seen;
};
const told = (seen: EngineEvent[]) =>
  seen.map(event =>
    event.kind === 'ready' ? `ready ${event.info.provider}` : `${event.fault.code} -> ${event.next}`,
  );

describe('choice of provider', () => {
  test('the first that works; the others keep their reason', async () => {
    const runtime = new Runtime();
    runtime.openErrors.push(new ProviderUnavailable('No graphics adapter.'));
    const engine = runtime.engine();
    const info = await engine.prepare();
    expect(info).toMatchObject({ provider: 'wasm', runtime: 'stand-in 1.0' });
    expect(info.rejected).toEqual([{ provider: 'webgpu', fault: null, reason: 'No graphics adapter.' }]);
    expect(engine.info).toBe(info);
    expect(await engine.prepare()).toBe(info);
    expect(runtime.opened).toEqual(['webgpu', 'wasm']);
  });
  test('a failed self-test moves on too', async () => {
    const runtime = new Runtime();
    const fault: Fault = {
      kind: 'fault',
      code: 'self-test',
      provider: 'webgpu',
      maxErrorHu: 3.7,
      rows: 64,
      columns: 64,
    };
    runtime.openErrors.push(new DenoiseError(fault));
    const info = await runtime.engine().prepare();
    expect(info).toMatchObject({ provider: 'wasm', rejected: [{ provider: 'webgpu', fault }] });
  });
  test('an opening that hangs is given up', async () => {
    const runtime = new Runtime();
    runtime.openErrors.push('hangs');
    const info = await runtime.engine().prepare();
    expect(info).toMatchObject({ provider: 'wasm', rejected: [{ fault: { code: 'engine-hang' } }] });
  });
  test('none: one typed error with all reasons, and another try starts from the first', async () => {
    const runtime = new Runtime();
    runtime.openErrors.push(new ProviderUnavailable('No WebGPU.'), new Error('no SIMD'));
    const engine = runtime.engine();
    const error = await engine.prepare().catch(e => e);
    expect(error.notice).toMatchObject({ code: 'no-provider', detail: 'No WebGPU. wasm failed: no SIMD' });
    expect((await engine.prepare()).provider).toBe('webgpu');
    expect(runtime.opened).toEqual(['webgpu', 'wasm', 'webgpu']);
  });
  test('concurrent callers share one opening and hear of its progress from when they came', async () => {
    const runtime = new Runtime();
    const engine = runtime.engine();
    const steps: string[][] = [[], []];
    await Promise.all(steps.map(list => engine.prepare(progress => list.push(progress.step))));
    expect(runtime.opened).toEqual(['webgpu']);
    expect(steps).toEqual([
      ['manifest', 'load', 'self-test'],
      ['load', 'self-test'],
    ]);
  });
});

test('a model replaced on the server: the next try reads the manifest again', async () => {
  const runtime = new Runtime();
  const engine = runtime.engine();
  runtime.fileErrors.push(new DenoiseError({ kind: 'fault', code: 'model-hash', url: 'm.onnx' }));
  await expect(engine.prepare()).rejects.toMatchObject({ notice: { code: 'model-hash' } });
  expect((await engine.prepare()).provider).toBe('webgpu');
  expect(runtime.cards).toBe(2);
});

describe('repair', () => {
  test.each<[Behaviour, string]>([
    ['throws', 'inference'],
    ['hangs', 'engine-hang'],
    ['lost', 'device-lost'],
    ['nan', 'bad-output'],
    ['far-off', 'bad-output'],
  ])('after a run that %s: new backend, same slice, same provider', async (behaviour, code) => {
    const runtime = new Runtime();
    runtime.next.push(behaviour);
    const engine = runtime.engine();
    const seen = events(engine);
    const input = slice();
    const output = await engine.denoise(input);
    expect(output).toMatchObject({ provider: 'webgpu', hu: new Float32Array(64).fill(7) });
    expect(told(seen)).toEqual(['ready webgpu', `${code} -> webgpu`, 'ready webgpu']);
    expect(runtime.closed).toBe(1);
    // The tensor of the broken run is gone with its worker; the second run got the same pixels again.
    expect(runtime.tensors[1]!.data).not.toBe(runtime.tensors[0]!.data);
    expect(runtime.tensors[1]!.data).toEqual(input.hu);
  });
  test('twice on WebGPU, then wasm, which stays', async () => {
    const runtime = new Runtime();
    runtime.next.push('throws', 'hangs');
    const engine = runtime.engine();
    const seen = events(engine);
    expect((await engine.denoise(slice())).provider).toBe('wasm');
    expect((await engine.denoise(slice())).provider).toBe('wasm');
    expect(told(seen)).toEqual([
      'ready webgpu',
      'inference -> webgpu',
      'ready webgpu',
      'engine-hang -> wasm',
      'ready wasm',
    ]);
    expect(engine.info?.rejected).toMatchObject([{ provider: 'webgpu', fault: { code: 'engine-hang' } }]);
    expect(runtime.runs).toBe(4);
  });
  test('a provider that does not come back gives way to the next, with attempts of its own', async () => {
    const runtime = new Runtime();
    runtime.next.push('lost', 'throws');
    runtime.openErrors.push(null, new Error('GPU process gone'));
    const engine = runtime.engine();
    expect((await engine.denoise(slice())).provider).toBe('wasm');
    expect(runtime.opened).toEqual(['webgpu', 'webgpu', 'wasm', 'wasm']);
  });
  test('when all fails the slice fails with the last fault, and the next slice is tried on the last provider', async () => {
    const runtime = new Runtime();
    runtime.next.push('throws', 'throws', 'nan', 'nan');
    const engine = runtime.engine();
    await expect(engine.denoise(slice())).rejects.toMatchObject({ notice: { code: 'bad-output' } });
    expect((await engine.denoise(slice())).provider).toBe('wasm');
    expect(runtime.opened.at(-1)).toBe('wasm');
  });
  test('bad input is refused at once and breaks nothing', async () => {
    const runtime = new Runtime();
    const engine = runtime.engine();
    const bad = { ...slice(), hu: new Float32Array(64).fill(Number.NaN) };
    await expect(engine.denoise(bad)).rejects.toMatchObject({ notice: { code: 'bad-input' } });
    await engine.denoise(slice());
    expect(runtime.opened).toEqual(['webgpu']);
  });
});

describe('abort and dispose', () => {
  test('an aborted slice rejects at once and is not run if it was still waiting', async () => {
    const runtime = new Runtime();
    const engine = runtime.engine(['wasm'], 60);
    await engine.prepare();
    runtime.next.push('hangs');
    const first = new AbortController();
    const second = new AbortController();
    const running = engine.denoise(slice(), first.signal);
    const waiting = engine.denoise(slice(), second.signal);
    second.abort(new Error('not wanted'));
    await expect(waiting).rejects.toThrow('not wanted');
    first.abort(new Error('nor this'));
    await expect(running).rejects.toThrow('nor this');
    expect(runtime.runs).toBe(1);
    await engine.dispose();
  });
  test('dispose in the middle of a run rejects it, closes the backend, and stays disposed', async () => {
    const runtime = new Runtime();
    runtime.next.push('hangs');
    const engine = runtime.engine(['wasm'], 60);
    await engine.prepare();
    const running = engine.denoise(slice());
    running.catch(() => undefined);
    await new Promise(resolve => setImmediate(resolve));
    await engine.dispose();
    await expect(running).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    await expect(engine.prepare()).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    await expect(engine.card()).rejects.toMatchObject({ notice: { code: 'cancelled' } });
    expect([runtime.closed, engine.info]).toEqual([1, null]);
  });
  test('aborting prepare stops the waiting only', async () => {
    const runtime = new Runtime();
    const engine = runtime.engine();
    const controller = new AbortController();
    const prepared = engine.prepare(undefined, controller.signal);
    controller.abort(new Error('panel closed'));
    await expect(prepared).rejects.toThrow('panel closed');
    expect((await engine.prepare()).provider).toBe('webgpu');
    expect(runtime.opened).toEqual(['webgpu']);
  });
});

describe('the slab that comes next', () => {
  const [first, second, third] = [slice(), slice(), slice()];
  /** An engine that is at `first`. */
  async function atFirst(runtime: Runtime): Promise<{ engine: SupervisedEngine; one: Promise<unknown> }> {
    const engine = runtime.engine(['webgpu', 'wasm'], 1);
    await engine.prepare();
    runtime.next.push('waits');
    const one = engine.denoiseSlab([first]);
    while (runtime.runs === 0) await Promise.resolve();
    return { engine, one };
  }

  test('is begun before it is asked for, and computed once', async () => {
    const runtime = new Runtime();
    const { engine, one } = await atFirst(runtime);
    engine.ahead([second]);
    expect(runtime.runs).toBe(2);
    // One is ahead, so a further hint is not taken.
    engine.ahead([third]);
    runtime.finish[0]!('works');
    await one;
    expect((await engine.denoiseSlab([second])).slices[0]![0]).toBe(7);
    expect(runtime.runs).toBe(2);
    await engine.denoiseSlab([third]);
    expect(runtime.runs).toBe(3);
  });
  test('may turn out to be another one', async () => {
    const runtime = new Runtime();
    const { engine, one } = await atFirst(runtime);
    engine.ahead([second]);
    runtime.finish[0]!('works');
    await one;
    await engine.denoiseSlab([third]);
    await engine.denoiseSlab([second]);
    expect(runtime.runs).toBe(4);
  });
  test('never comes before the slab that is asked for', async () => {
    const runtime = new Runtime();
    const engine = runtime.engine();
    await engine.prepare();
    const one = engine.denoiseSlab([first]);
    engine.ahead([second]);
    await one;
    engine.ahead([second]);
    expect(runtime.runs).toBe(1);
  });
  test.each<Behaviour>(['throws', 'lost', 'nan', 'hangs'])(
    'is computed again when what was begun %s',
    async behaviour => {
      const runtime = new Runtime();
      const { engine, one } = await atFirst(runtime);
      const seen = events(engine);
      runtime.next.push(behaviour);
      engine.ahead([second]);
      runtime.finish[0]!('works');
      await one;
      expect((await engine.denoiseSlab([second])).slices[0]![0]).toBe(7);
      expect(told(seen)).toEqual([expect.stringMatching(/ -> webgpu$/), 'ready webgpu']);
    },
  );
  test('goes with the backend that breaks at the slab before', async () => {
    const runtime = new Runtime();
    const { engine, one } = await atFirst(runtime);
    engine.ahead([second]);
    runtime.finish[0]!('throws');
    await one;
    await engine.denoiseSlab([second]);
    expect(runtime.opened).toEqual(['webgpu', 'webgpu']);
    expect(runtime.runs).toBe(4);
  });
  test('waits where a backend takes one run at a time', async () => {
    const runtime = new Runtime();
    runtime.queues = false;
    const { engine, one } = await atFirst(runtime);
    engine.ahead([second]);
    expect(runtime.runs).toBe(1);
    runtime.finish[0]!('works');
    await one;
    await engine.denoiseSlab([second]);
    expect(runtime.runs).toBe(2);
  });
  test('that cannot be shown to the network is refused when it is asked for', async () => {
    const runtime = new Runtime();
    const { engine, one } = await atFirst(runtime);
    const broken = { ...slice(), hu: new Float32Array(64).fill(Number.NaN) };
    engine.ahead([broken]);
    runtime.finish[0]!('works');
    await one;
    await expect(engine.denoiseSlab([broken])).rejects.toMatchObject({ notice: { code: 'bad-input' } });
    expect(runtime.opened).toEqual(['webgpu']);
  });
});
