import { coreRows } from './core';
import { dicomRows } from './dicom';
import { inferenceRows } from './inference';
import { machine, table } from './measure';

/*
 * npm run bench            Node part: one table, one run
 * npm run bench browser    browser part too (Chromium, WebAssembly, WebGPU if there is any); takes minutes
 * npm run bench viewer     only the built product inside OHIF, with a series of 300 slices; under ten minutes on two free cores
 * npm run bench gpu        WebGPU of onnxruntime-node on this machine's graphics card (Vulkan); under four minutes
 * npm run bench borders    steps between slabs of the derived series, for each series of ../shared/data/stacks
 * npm run bench slabs      a model of slices and one of slabs side by side: native, WebAssembly, WebGPU, whole series, memory
 * npm run bench peers      other denoisers beside ours, time and quality (bench/peers/index.ts says what it needs)
 */
const [, , part = ''] = process.argv;
if (part === 'gpu') {
  const { gpuPart } = await import('./gpu');
  await gpuPart(process.argv.slice(3));
} else if (part === 'borders') {
  const { bordersPart } = await import('./borders');
  await bordersPart(process.argv.slice(3));
} else if (part === 'slabs') {
  const { slabsPart } = await import('./slabs');
  await slabsPart(process.argv.slice(3));
} else if (part === 'peers') {
  const { peersPart } = await import('./peers');
  await peersPart(process.argv.slice(3));
} else {
  console.log(`${machine()}\n`);
  if (part === 'viewer') await viewerPart();
  else await coreParts();
}

async function viewerPart(): Promise<void> {
  const { viewerFigures, memoryTable } = await import('./viewer');
  const { what, rows, memory } = await viewerFigures();
  console.log(`${what}\n\n${table(rows)}\n\n${memoryTable(memory)}`);
}

async function coreParts(): Promise<void> {
  const rows = [...(await coreRows()), ...(await dicomRows()), ...(await inferenceRows())];
  const browser = process.argv.includes('browser') ? await import('./browser') : null;
  if (browser) rows.push(...(await browser.browserRows()));
  console.log(table(rows));
  if (browser) {
    const { before, after } = await browser.memoryOf300();
    console.log(
      `\nPage memory, engine ready: ${before} MiB; with 300 denoised slices of 512x512: ${after} MiB`,
    );
  }
}
