// Programs that the tests need besides Node. Root on Debian gets them installed; anyone else gets their names. No test is skipped silently.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { say, SetupError } from './say.mjs';

/** One of the paths has to exist; `debian` is the package that holds it. */
const TOOLS = [
  {
    // The same choice as in test/browser/viewer.ts.
    paths: [process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'],
    debian: 'chromium',
    use: 'the browser tests',
  },
  {
    paths: ['/usr/sbin/Orthanc', '/usr/local/sbin/Orthanc'],
    debian: 'orthanc',
    use: 'the tests against a PACS',
  },
  {
    paths: [
      '/usr/share/orthanc/plugins/libOrthancDicomWeb.so',
      '/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so',
    ],
    debian: 'orthanc-dicomweb',
    use: 'the tests against a PACS',
  },
  { paths: ['/usr/sbin/nginx'], debian: 'nginx-light', use: 'the test of docs/nginx.conf' },
  { paths: ['/usr/bin/dciodvfy'], debian: 'dicom3tools', use: 'the conformance tests' },
  { paths: ['/usr/bin/dcmdump'], debian: 'dcmtk', use: 'the conformance tests' },
  { paths: ['/usr/bin/gdcminfo'], debian: 'libgdcm-tools', use: 'the conformance tests' },
  // Without root that test is skipped with a message, whatever is installed.
  ...(process.getuid?.() === 0
    ? [
        ['/usr/bin/podman', 'podman'],
        ['/usr/bin/crun', 'crun'],
        ['/usr/bin/mmdebstrap', 'mmdebstrap'],
        ['/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'],
      ].map(([path, debian]) => ({ paths: [path], debian, use: "the test of the Dockerfile's image" }))
    : []),
];

/** pydicom and its decoders, and what computes the lesion guard again; the trainer pins the versions. */
const PYTHON_PACKAGES = [
  'numpy',
  'pydicom>=3.0,<4',
  'pylibjpeg',
  'pylibjpeg-libjpeg',
  'pylibjpeg-openjpeg',
  'pylibjpeg-rle',
  'pyjpegls',
  'onnxruntime>=1.20,<2',
];

/**
 * Installs what the tests need, where it can. Returns the Python that has pydicom, for ISCL_PYTHON. Throws `SetupError` with the
 * packages that a person has to install.
 */
export function testTools(root) {
  const missing = TOOLS.filter(({ paths }) => !paths.some(existsSync));
  const needsVenv = !havePydicom() && !havePydicom(venvPython(root));
  const packages = [...new Set(missing.map(tool => tool.debian))];
  for (const { debian, use } of missing) say(`Missing: ${debian}, for ${use}`);
  if (needsVenv && spawnSync('python3', ['-c', 'import ensurepip, venv']).status !== 0)
    packages.push('python3-venv');
  if (packages.length) aptInstall(packages);
  if (havePydicom()) return process.env.ISCL_PYTHON ?? 'python3';
  if (needsVenv) makeVenv(root);
  return venvPython(root);
}

const venvPython = root => join(root, '.cache/test-venv/bin/python');

function havePydicom(python = process.env.ISCL_PYTHON ?? 'python3') {
  const check = 'import numpy, pydicom, openjpeg, jpeg_ls, onnxruntime; assert pydicom.__version__ >= "3"';
  return spawnSync(python, ['-c', check]).status === 0;
}

function aptInstall(packages) {
  const list = packages.join(' ');
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    say(`Installing ${list} by apt-get ...`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = args => spawnSync('apt-get', args, { stdio: 'inherit', env }).status === 0;
    if (apt(['update', '-q']) && apt(['install', '-y', '-q', '--no-install-recommends', ...packages])) return;
  }
  throw new SetupError(
    `The tests need ${list}. On Debian or Ubuntu: sudo apt-get install ${list}. Without them: npm run test:unit`,
  );
}

function makeVenv(root) {
  say('Making a Python environment with pydicom for the conformance tests (once) ...');
  const folder = join(root, '.cache/test-venv');
  const run = (command, args) =>
    spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  const constraints = join(root, 'training/constraints.txt');
  const pins = existsSync(constraints) ? ['-c', constraints] : [];
  const isMade =
    run('python3', ['-m', 'venv', folder]) &&
    run(venvPython(root), ['-m', 'pip', 'install', '-q', ...pins, ...PYTHON_PACKAGES]);
  if (!isMade) throw new SetupError('The Python environment could not be made; the message is above.');
}
