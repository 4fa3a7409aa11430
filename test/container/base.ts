/**
 * What stands in for `node:22-bookworm-slim` where no container registry can be reached: a minimal Debian bookworm by mmdebstrap, which
 * checks Debian's signatures, and Node 22 with its npm as the npm registry has them.
 */
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { command } from '../process';

/** Pinned, so that a test that passed yesterday runs the same Node today. */
const NODE = `node-linux-${process.arch}@22.23.3`;
const NPM = 'npm@10.9.9';

export const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** @param folder an empty one to work in @returns a tar of the root file system */
export async function makeBase(folder: string): Promise<string> {
  const local = join(folder, 'local');
  await makeLocal(folder, local);
  const tar = join(folder, 'base.tar');
  const unpacked = join(folder, 'unpacked');
  await mkdir(unpacked);
  // In memory, because dpkg flushes every file. The mount ends with its namespace.
  const inMemory = 'mount -t tmpfs tmpfs "$TMPDIR" && exec mmdebstrap "$@"';
  const mmdebstrap = (...args: string[]) =>
    command('unshare', ['--mount', 'sh', '-c', inMemory, 'mmdebstrap', ...args], {
      env: { ...process.env, TMPDIR: unpacked },
    });
  await mmdebstrap(
    '--mode=root',
    '--variant=minbase',
    '--quiet',
    `--keyring=${DEBIAN_KEYS}`,
    // The slim images have no manual pages, documents and translations either.
    ...['man', 'doc', 'locale'].map(name => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
    `--customize-hook=sync-in "${local}" /usr/local`,
    '--customize-hook=chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash node',
    'bookworm',
    tar,
  );
  await rm(local, { recursive: true });
  return tar;
}

/** `/usr/local` as the official image has it: Node, npm, and how npm gets to its registry from here. */
async function makeLocal(folder: string, local: string): Promise<void> {
  const fetched = join(folder, 'fetched');
  for (const name of ['bin', 'etc', 'lib/node_modules']) await mkdir(join(local, name), { recursive: true });
  await mkdir(fetched);
  await writeFile(join(fetched, 'package.json'), '{}');
  await command('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', NODE, NPM], {
    cwd: fetched,
  });
  const packages = join(fetched, 'node_modules');
  await rename(join(packages, NODE.split('@')[0]!, 'bin/node'), join(local, 'bin/node'));
  await rename(join(packages, 'npm'), join(local, 'lib/node_modules/npm'));
  await rm(fetched, { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
  await writeFile(join(local, 'etc/npmrc'), await npmSettings(join(local, 'etc/npm-ca.pem')));
}

/** A mirror or a certificate authority that this machine's npm needs is needed in the image's build too. */
async function npmSettings(certificates: string): Promise<string> {
  const get = async (name: string) => (await command('npm', ['config', 'get', name])).trim();
  const lines = [`registry=${await get('registry')}`];
  const configured = await get('cafile');
  const more = configured === 'null' ? process.env['NODE_EXTRA_CA_CERTS'] : configured;
  if (more) {
    await writeFile(certificates, [...rootCertificates, await readFile(more, 'utf8')].join('\n'));
    lines.push('cafile=/usr/local/etc/npm-ca.pem');
  }
  return `${lines.join('\n')}\n`;
}
