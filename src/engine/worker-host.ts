import type * as Ort from 'onnxruntime-web';
import { DenoiseError, type Fault } from '../notices';
import { checkAdapter, ProviderUnavailable } from './adapter';
import { PlaneStore } from './planes';
import type { WorkerRequest, WorkerResponse } from './protocol';
import { inferenceFault, type ModelSession, openSession } from './session';

/** The part of a worker's global scope used here; a MessagePort fits too. */
export interface WorkerScope {
  postMessage(message: WorkerResponse, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<WorkerRequest>) => void): void;
}

export interface Platform {
  /** Imports ONNX Runtime from a URL. */
  loadOrt(url: string): Promise<typeof Ort>;
  readonly gpu: GPU | undefined;
  readonly crossOriginIsolated: boolean;
}

/** Answers requests on `scope`: owns one session and a few slices of the last slabs. After a fault the handle ends the worker and starts another. */
export function serve(scope: WorkerScope, platform: Platform): void {
  let session: ModelSession | null = null;
  let provider: 'webgpu' | 'wasm' = 'wasm';
  const planes = new PlaneStore();
  /** Settles when the requests so far are answered: a session takes one run at a time. */
  let answered: Promise<unknown> = Promise.resolve();
  const post = (message: WorkerResponse, transfer: Transferable[] = []) =>
    scope.postMessage(message, transfer);

  scope.addEventListener('message', ({ data }) => {
    const answer = answered.then(() => (data.kind === 'open' ? open(data) : run(data)));
    answered = answer.catch(error => {
      if (error instanceof ProviderUnavailable) post({ kind: 'unavailable', reason: error.message });
      else post({ kind: 'fault', fault: faultOf(error) });
    });
  });

  async function open({
    request,
    ortBaseUrl,
    allowSoftwareAdapter,
  }: WorkerRequest & { kind: 'open' }): Promise<void> {
    provider = request.provider === 'webgpu' ? 'webgpu' : 'wasm';
    const { gpu, crossOriginIsolated } = platform;
    const adapter =
      provider === 'webgpu' ? await checkAdapter(gpu, request.card.precision, allowSoftwareAdapter) : null;
    const ort = await importOrt(ortBaseUrl);
    const threads = provider === 'wasm' && crossOriginIsolated ? request.threads : 1;
    ort.env.wasm.numThreads = threads;
    // Absolute, or ONNX Runtime would look beside our bundle or in OHIF's /ort/, which holds another version.
    ort.env.wasm.wasmPaths = {
      mjs: `${ortBaseUrl}ort-wasm-simd-threaded.asyncify.mjs`,
      wasm: `${ortBaseUrl}ort-wasm-simd-threaded.asyncify.wasm`,
    };
    // A whole CT slice takes minutes on a software adapter, so neither the warm-up nor the full-size comparison runs there.
    const spared = adapter?.software
      ? { warmUp: null, golden: { ...request.golden, full: null } }
      : { warmUp: request.warmUp, golden: request.golden };
    const asked = { ...request, ...spared, provider, threads };
    session = await openSession(ort, asked, step => post({ kind: 'step', step }));
    if (provider === 'webgpu') {
      const device = await ort.env.webgpu.device;
      void device.lost.then(({ reason, message }) => post({ kind: 'lost', detail: `${reason}: ${message}` }));
    }
    const { selfTest } = session;
    const runtime = `onnxruntime-web ${ort.env.versions.web ?? ort.env.versions.common}`;
    const words = adapter?.words ?? null;
    post({ kind: 'opened', opened: { adapter: words, threads, crossOriginIsolated, runtime, selfTest } });
  }

  async function run({ slab }: WorkerRequest & { kind: 'run' }): Promise<void> {
    if (!session) throw inferenceFault(provider, 'run before open');
    const result = await session.run(planes.assemble(slab));
    // ONNX Runtime copies outputs out of its heap; a view of something larger must not be transferred with it.
    const { buffer, byteLength } = result.data;
    const data = buffer.byteLength === byteLength ? result.data : result.data.slice();
    post({ kind: 'result', result: { ...result, data } }, [data.buffer]);
  }

  async function importOrt(baseUrl: string): Promise<typeof Ort> {
    const url = `${baseUrl}ort.webgpu.min.mjs`;
    try {
      return await platform.loadOrt(url);
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : String(cause);
      throw new DenoiseError({ kind: 'fault', code: 'runtime-load', url, detail }, { cause });
    }
  }

  function faultOf(error: unknown): Fault {
    if (error instanceof DenoiseError && error.notice.kind === 'fault') return error.notice;
    return inferenceFault(provider, error).notice as Fault;
  }
}
