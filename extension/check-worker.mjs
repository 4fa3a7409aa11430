// Started by check.mjs, as the plugin starts its own workers: says that it runs, and whether it may compile WebAssembly.
import { compilesWebAssembly } from './check.mjs';

postMessage(await compilesWebAssembly());
