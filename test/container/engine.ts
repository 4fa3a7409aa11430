/** Podman with settings and a storage of its own, and the image built in it from the Dockerfile as it lies. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DEBIAN_KEYS, makeBase } from './base';
import { command, start, type Ended } from '../process';
import { absentHere } from '../absent';

const BASE = 'docker.io/library/node:22-bookworm-slim';
const IMAGE = 'localhost/iscl-denoise';
/** Named, not random: what a killed run left is deleted by the next one. On the disk, because it is some gigabytes. */
const FOLDER = resolve('.cache/container-test');

/** Why no image can be built here; null when it can. */
export const NO_ENGINE = absentHere(whyNot());

function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'building the image needs root';
  const programs = ['podman', 'crun', 'mmdebstrap'].map(name => `/usr/bin/${name}`);
  const missing = [...programs, DEBIAN_KEYS].filter(path => !existsSync(path));
  if (missing.length > 0)
    return `not there: ${missing.join(', ')} (Debian: podman, crun, mmdebstrap, debian-archive-keyring)`;
  const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
  return mayMount ? null : 'building the image needs a root user who may mount';
}

/**
 * Podman in a mount namespace: nothing stays mounted in the storage when a run is killed, and the cache of blobs, whose place cannot be set,
 * is no file of this machine. crun 1.8 (bookworm) refuses to start where both generations of cgroups are mounted, also when it is told to
 * use none; it does not see the second one in here.
 */
const PODMAN = [
  '--mount',
  'sh',
  '-c',
  `mkdir -p /var/lib/containers && mount -t tmpfs tmpfs /var/lib/containers || exit 1
   umount /sys/fs/cgroup/unified 2>/dev/null
   exec podman "$@"`,
  'podman',
];

export interface Engine {
  /** The image's root file system; not to be written. */
  readonly root: string;
  /** As mercure starts a module, and with less: another user id, no capabilities, no network, nothing writable but `output` and /tmp. */
  mercure(input: string, output: string, user: number): Promise<Ended>;
}

/** Also of an engine that did not start. */
export const removeEngine = () => rm(FOLDER, { recursive: true, force: true, maxRetries: 3 });

export async function startEngine(): Promise<Engine> {
  await removeEngine();
  await mkdir(FOLDER, { recursive: true });
  const env = { ...process.env, ...(await settings()) };
  const podman = (...args: string[]) => command('unshare', [...PODMAN, ...args], { env });

  const base = await makeBase(FOLDER);
  await podman('import', '--quiet', base, BASE);
  await rm(base);
  // chroot: needs no kernel feature a sandbox may lack. One layer: this storage copies every layer whole.
  await podman('build', '--isolation=chroot', '--pull=never', '--layers=false', `--tag=${IMAGE}`, '.');

  return {
    root: (await podman('image', 'mount', IMAGE)).trim(),
    mercure: (input, output, user) =>
      start(
        'unshare',
        [
          ...PODMAN,
          'run',
          '--rm',
          '--pull=never',
          '--cgroups=disabled',
          '--network=none',
          '--read-only',
          '--cap-drop=all',
          '--security-opt=no-new-privileges',
          `--user=${user}:${user}`,
          `--volume=${input}:/data:ro`,
          `--volume=${output}:/output`,
          '--env=MERCURE_IN_DIR=/data',
          '--env=MERCURE_OUT_DIR=/output',
          IMAGE,
        ],
        { env },
      ),
  };
}

/** Files that keep Podman off the machine's own storage, locks and networks. @returns the environment that names them */
async function settings(): Promise<NodeJS.ProcessEnv> {
  const storage = join(FOLDER, 'storage.conf');
  const containers = join(FOLDER, 'containers.conf');
  const at = (name: string) => JSON.stringify(join(FOLDER, name));
  await writeFile(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = ${at('storage')}\nrunroot = ${at('run')}\n`,
  );
  await writeFile(
    containers,
    [
      '[containers]',
      // Podman's own are above what a sandbox may allow.
      'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]',
      '[engine]',
      'runtime = "crun"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      'lock_type = "file"',
      `tmp_dir = ${at('tmp')}`,
      `image_copy_tmp_dir = ${at('copies')}`,
      '[network]',
      `network_config_dir = ${at('networks')}`,
      '',
    ].join('\n'),
  );
  await mkdir(join(FOLDER, 'copies'));
  return { CONTAINERS_CONF: containers, CONTAINERS_STORAGE_CONF: storage };
}
