/** `iscl-denoise` without the engine's thread: what bench/batch.ts compares with. */
import { resolve } from 'node:path';
import { main } from '../cli/main';

process.exitCode = await main({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  modelsFolder: resolve('models'),
  signal: new AbortController().signal,
});
