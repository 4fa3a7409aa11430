#!/usr/bin/env node
// The command is TypeScript, run as it lies by tsx: nothing to build after npm ci, and the same files that are tested.
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { tsImport } from 'tsx/esm/api';

const { main } = await tsImport('./main.ts', import.meta.url);
/** EXIT.target of exit-codes.ts. */
const CANNOT_WRITE = 7;
const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  // Once: a second signal ends the process at once, as usual.
  process.once(name, () => controller.abort());
}
// Who reads the report may have seen enough (a pipe into head): the work is done all the same.
let isReportLost = false;
process.stdout.on('error', ({ code, message }) => {
  if (code === 'EPIPE') return;
  isReportLost = true;
  process.exitCode ||= CANNOT_WRITE;
  process.stderr.write(`The report cannot be written: ${message}\n`);
});
process.stderr.on('error', () => {});
const exitCode = await main({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  modelsFolder: fileURLToPath(new URL('../models', import.meta.url)),
  createThread: () => new Worker(new URL('engine-thread.mjs', import.meta.url)),
  signal: controller.signal,
});
process.exitCode = exitCode || (isReportLost ? CANNOT_WRITE : 0);
