/// <reference lib="webworker" />
import { serve, type WorkerScope } from './worker-host';

/*
 * Entry of the module worker. ONNX Runtime is imported natively at run time, from files the build copies: webpack would otherwise bundle
 * its own copy of the 27 MB wasm and rewrite the URLs by which its threads start.
 */
serve(self as unknown as WorkerScope, {
  loadOrt: url => import(/* webpackIgnore: true */ url),
  gpu: navigator.gpu,
  crossOriginIsolated: self.crossOriginIsolated,
});
