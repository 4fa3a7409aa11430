/** ONNX Runtime behind one small interface: model, provider, self-test, restart. The Node engine is in `node.ts`. */
export type * from './types';
export type { BrowserEngineOptions } from './browser';
export { createBrowserEngine } from './browser';
