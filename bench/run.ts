import { coreRows } from './core';
import { dicomRows } from './dicom';
import { inferenceRows } from './inference';
import { machine, table } from './measure';

/*
 * npm run bench            Node part: one table, one run
 * npm run bench browser    browser part too (Chromium, WebAssembly, WebGPU if there is any); takes minutes
 */
console.log(`${machine()}\n`);
const rows = [...(await coreRows()), ...(await dicomRows()), ...(await inferenceRows())];
if (process.argv.includes('browser')) rows.push(...(await (await import('./browser')).browserRows()));
console.log(table(rows));
