// A thread that reads files; TypeScript as it lies.
import { tsImport } from 'tsx/esm/api';

await tsImport('./reader.worker.ts', import.meta.url);
