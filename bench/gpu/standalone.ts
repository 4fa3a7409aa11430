/** Entry of the bench as one file for Node alone, without tsx: see bundle.ts. */
import { gpuPart } from './index';

await gpuPart(process.argv.slice(3));
