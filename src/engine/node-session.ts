import type * as Ort from 'onnxruntime-web';
import { assemble } from './planes';
import { inferenceFault, openSession, type OpenRequest, type TensorResult } from './session';
import type { OpenBackend } from './supervisor';
import type { Tensor } from './tensor';

export interface HereBackend extends OpenBackend {
  /** `run` with an input that is put together already. */
  runTensor(tensor: Tensor): Promise<TensorResult>;
}

/** A session of onnxruntime-node in this thread; a run keeps the thread busy until it ends. */
export async function openHere(
  request: OpenRequest,
  onStep: Parameters<typeof openSession>[2],
): Promise<HereBackend> {
  // Loaded when needed: its native library is 30 MB, and judging or listing needs none of it.
  const imported = (await import('onnxruntime-node')) as unknown as typeof Ort & {
    readonly default?: typeof Ort;
  };
  const ort = imported.InferenceSession ? imported : imported.default!;
  const session = await openSession(ort, request, onStep);
  let closed = false;
  /** Releasing a session while it runs would crash the process. */
  let running: Promise<unknown> = Promise.resolve();
  const runTensor = async (tensor: Tensor) => {
    if (closed) throw inferenceFault(request.provider, 'the session is closed');
    const result = session.run(tensor);
    running = result.catch(() => undefined);
    return result;
  };
  return {
    opened: {
      adapter: request.provider === 'webgpu' ? 'default adapter' : null,
      threads: request.provider === 'cpu' ? request.threads : 1,
      crossOriginIsolated: true,
      runtime: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`,
      selfTest: session.selfTest,
    },
    queues: false,
    run: async slab => runTensor(assemble(slab)),
    runTensor,
    close: () => {
      closed = true;
      // Not awaited: after a hang this would wait for ever.
      void running.then(() => session.release()).catch(() => undefined);
    },
  };
}
