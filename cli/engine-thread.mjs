// The thread inference runs in; TypeScript as it lies, as in iscl-denoise.mjs.
import { tsImport } from 'tsx/esm/api';

await tsImport('../src/engine/node.worker.ts', import.meta.url);
