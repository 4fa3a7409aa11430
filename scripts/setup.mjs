// Behind `npm start`, `npm run dev` and `npm test`: prepares a fresh clone, then starts the server, the watch build or the tests.
// Plain JavaScript that imports only Node's own modules at the top, because a fresh clone has no packages yet.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { say, SetupError } from './say.mjs';
import { testTools } from './test-tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.cache');
const read = path => readFileSync(join(root, path), 'utf8');
/** The first version in which CommonJS may require an ES module, as @fastify/static does. */
const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [oldMajor, oldMinor] = OLDEST_NODE;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return;
  throw new SetupError(
    `Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}. Get it from https://nodejs.org or your package manager.`,
  );
}

/** Runs npm; `quiet` shows its output only when it fails. Returns whether it succeeded. */
function npm(args, { quiet = false } = {}) {
  // npm gives its scripts its own path; the shell is for npm.cmd on Windows.
  const [command, first] = process.env.npm_execpath
    ? [process.execPath, [process.env.npm_execpath]]
    : ['npm', []];
  const run = spawnSync(command, [...first, ...args], {
    cwd: root,
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: command === 'npm',
  });
  if (quiet && run.status !== 0) console.error(`${run.stdout}${run.stderr}`);
  return run.status === 0;
}

/** Compares npm's own record of installed packages with the lockfile, so that a plain `npm install` counts too. */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = JSON.parse(read('node_modules/.package-lock.json')).packages;
  return Object.entries(JSON.parse(read('package-lock.json')).packages).every(
    ([path, { version, optional, peer, link }]) =>
      !path.includes('node_modules/') || optional || peer || link || installed[path]?.version === version,
  );
}

function install() {
  if (isInstalled()) return;
  const isFresh = !existsSync(join(root, 'node_modules'));
  say(
    isFresh
      ? 'Installing the packages (once, about a minute) ...'
      : 'The lockfile has changed; updating the packages ...',
  );
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  if (npm(isFresh ? ['ci', ...quiet] : ['install', '--no-save', ...quiet])) return;
  throw new SetupError(
    'npm could not install the packages; its message is above. Without a network, run "npm ci" where there is one and copy the folder.',
  );
}

/** Unpacks the viewer's prebuilt npm package and checks it against the pinned hash. */
async function fetchViewer() {
  const { package: name, version, integrity } = JSON.parse(read('server/viewer.json'));
  const target = join(cache, 'ohif', version, 'dist');
  if (existsSync(join(target, '.complete'))) return;
  say(`Fetching the OHIF viewer ${version} (50 MB, once) ...`);
  const { default: pacote } = await import('pacote');
  const unpacked = join(cache, 'ohif', `unpacking-${process.pid}`);
  try {
    // npm passes a configured registry or mirror to its scripts in the environment.
    const registry = process.env.npm_config_registry;
    await pacote.extract(`${name}@${version}`, unpacked, {
      integrity,
      cache: join(cache, 'npm'),
      ...(registry && { registry }),
    });
    say('Compressing it for the browser ...');
    const { precompress } = await import('./precompress.mjs');
    // OHIF's own ONNX Runtime (90 MB, for its segmentation tools) is sent as it is.
    await precompress(join(unpacked, 'dist'), 'ort');
    writeFileSync(join(unpacked, 'dist/.complete'), `${integrity}\n`);
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { recursive: true, force: true });
    renameSync(join(unpacked, 'dist'), target);
  } catch (error) {
    if (error.code === 'EINTEGRITY')
      throw new SetupError(
        `${name}@${version} differs from the pinned file (SHA-512); nothing was unpacked. Do not use this copy.`,
      );
    const isOffline = [
      'ENOTFOUND',
      'EAI_AGAIN',
      'ECONNREFUSED',
      'ECONNRESET',
      'ETIMEDOUT',
      'ENETUNREACH',
    ].includes(error.code);
    throw new SetupError(
      isOffline
        ? `The viewer could not be fetched: no connection (${error.code}). Only the first start needs one; behind a proxy set HTTPS_PROXY. Or copy .cache/ohif from another computer.`
        : `The viewer could not be fetched: ${error.message}`,
    );
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/** One hash over all files that the build reads. */
function sourcesHash() {
  const hash = createHash('sha256');
  const add = path => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory())
      readdirSync(path)
        .sort()
        .forEach(name => add(join(path, name)));
    else hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0');
  };
  for (const path of [
    'src',
    'extension',
    'modes',
    'models',
    'webpack.config.mjs',
    'tsconfig.json',
    'package-lock.json',
    'package.json',
  ])
    add(join(root, path));
  return hash.digest('hex');
}

async function build() {
  const stamp = join(cache, 'build-stamp');
  const hash = sourcesHash();
  if (
    existsSync(join(root, 'dist/manifest.json')) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === hash
  )
    return;
  say('Building the plugin (about half a minute) ...');
  if (!npm(['run', '--silent', 'build'], { quiet: true }))
    throw new SetupError('The build failed; its message is above.');
  const { precompress } = await import('./precompress.mjs');
  await precompress(join(root, 'dist'));
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, hash);
}

async function start(flags) {
  await prepare();
  return serve('server/src/main.ts', flags);
}

/** The watch build replaces the build of `prepare`. */
async function dev(flags) {
  await prepareViewer();
  return serve('scripts/dev.mjs', flags);
}

/** Runs a script that may import TypeScript until it ends. Resolves to its exit code. */
function serve(script, flags) {
  const args = ['--import', 'tsx', join(root, script), ...flags];
  const server = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
  // The terminal sends Ctrl+C to the server too; it does not pass on a plain kill.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal));
  process.on('SIGINT', () => {});
  return new Promise(resolve => server.on('exit', code => resolve(code ?? 0)));
}

async function prepareViewer() {
  checkNode();
  install();
  await fetchViewer();
}

async function prepare() {
  await prepareViewer();
  await build();
}

async function test() {
  checkNode();
  const python = testTools(root);
  if (python) process.env.ISCL_PYTHON = python;
  await prepare();
  for (const script of ['lint', 'typecheck', 'test:unit', 'test:browser']) {
    say(`npm run ${script}`);
    if (!npm(['run', '--silent', script])) {
      say(`${script} failed.`);
      return 1;
    }
  }
  say('All tests passed.');
  return 0;
}

const [command, ...flags] = process.argv.slice(2);
const commands = { start, dev, test, prepare: async () => prepare().then(() => 0) };
try {
  if (!commands[command])
    throw new SetupError(`Use: node scripts/setup.mjs ${Object.keys(commands).join(' | ')}`);
  process.exitCode = await commands[command](flags);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`[setup] ${error.message}`);
  process.exitCode = 1;
}
