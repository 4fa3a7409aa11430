import { existsSync } from 'node:fs';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const COMPRESSIBLE = /\.(js|mjs|css|html|json|svg|wasm)$/;
const SMALLEST = 4096;
const ENCODINGS = [
  // Quality 5 takes 0.8 s for ONNX Runtime's 28 MB of WebAssembly and leaves 4.9 MB; 9 takes five times as long for 5 % less.
  ['.br', bytes => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })],
  ['.gz', bytes => promisify(gzip)(bytes, { level: 6 })],
];

/**
 * Writes `file.br` and `file.gz` beside each compressible file below a folder, unless they exist and are newer. Leaves the folder
 * `skip` inside it alone.
 */
export async function precompress(folder, skip) {
  const names = await readdir(folder, { recursive: true });
  const isWorth = name => COMPRESSIBLE.test(name) && !(skip && name.startsWith(join(skip, '/')));
  for (const name of names.filter(isWorth)) {
    const path = join(folder, name);
    const original = await stat(path);
    if (!original.isFile() || original.size < SMALLEST) continue;
    for (const [extension, compress] of ENCODINGS) {
      const target = path + extension;
      if (existsSync(target) && (await stat(target)).mtimeMs >= original.mtimeMs) continue;
      // A reader never sees half a file.
      await writeFile(`${target}.part`, await compress(await readFile(path)));
      await rename(`${target}.part`, target);
    }
  }
}
