#!/usr/bin/env node
// The command is TypeScript, run as it lies by tsx: nothing to build after npm ci, and the same files that are tested.
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { tsImport } from 'tsx/esm/api';

const { main } = await tsImport('./main.ts', import.meta.url);
const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  // Once: a second signal ends the process at once, as usual.
  process.once(name, () => controller.abort());
}
process.exitCode = await main({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  modelsFolder: fileURLToPath(new URL('../models', import.meta.url)),
  createThread: () => new Worker(new URL('engine-thread.mjs', import.meta.url)),
  signal: controller.signal,
});
