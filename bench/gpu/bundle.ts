/**
 * `npm run bench gpu` for a machine that has neither Node nor a network: a folder to carry there (Linux on x86-64).
 *
 *   npx tsx bench/gpu/bundle.ts FOLDER [DEB...]
 *
 * FOLDER gets node and onnxruntime-node's library (both compressed by xz), the bench as one file, the Debian packages named (libvulkan1, vulkan-tools and
 * what they need, where the machine has no Vulkan loader) and run.sh, which unpacks and runs everything. The models are not copied:
 * run.sh reads them from `models` beside FOLDER, or from $GPUBENCH_MODELS.
 */
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

const [target, ...packages] = process.argv.slice(2);
if (!target) throw new Error('a folder is needed');
const folder = resolve(target);
await rm(folder, { recursive: true, force: true });
const modules = join(folder, 'node_modules');
const native = join('onnxruntime-node', 'bin', 'napi-v6', 'linux', 'x64');
for (const part of [
  'onnxruntime-node/package.json',
  'onnxruntime-node/dist',
  'onnxruntime-common/package.json',
  'onnxruntime-common/dist/cjs',
])
  await cp(join('node_modules', part), join(modules, part), {
    recursive: true,
    filter: path => !/\.(map|d\.ts)$/.test(path),
  });
await mkdir(join(modules, native), { recursive: true });
await copyFile(
  join('node_modules', native, 'onnxruntime_binding.node'),
  join(modules, native, 'onnxruntime_binding.node'),
);
const node = join(folder, 'node');
execFileSync('strip', ['-o', node, process.execPath]);
const library = join(modules, native, 'libonnxruntime.so.1');
await copyFile(join('node_modules', native, 'libonnxruntime.so.1'), library);
for (const file of [node, library]) execFileSync('xz', ['-9', '-f', file]);
for (const file of packages) {
  await mkdir(join(folder, 'debs'), { recursive: true });
  await copyFile(file, join(folder, 'debs', basename(file)));
}
await copyFile('bench/gpu/run.sh', join(folder, 'run.sh'));
await build({
  entryPoints: ['bench/gpu/standalone.ts'],
  outfile: join(folder, 'gpu.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['onnxruntime-node'],
  // protobufjs is CommonJS and asks for optional parts by require.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
});
console.log(
  execFileSync('du', ['-ab', dirname(join(folder, 'x'))], { encoding: 'utf8' })
    .split('\n')
    .slice(-2)[0],
);
