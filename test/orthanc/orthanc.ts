/** A real Orthanc with its DICOMweb plugin, on a port, configuration and storage of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { absentHere } from '../absent';

const ORTHANC = ['/usr/sbin/Orthanc', '/usr/local/sbin/Orthanc'].find(existsSync);
const PLUGIN = [
  '/usr/share/orthanc/plugins/libOrthancDicomWeb.so',
  '/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so',
].find(existsSync);

/** Why the real archive cannot be tested here; null when it can. */
export const NO_ORTHANC = absentHere(
  ORTHANC && PLUGIN
    ? null
    : 'Orthanc with its DICOMweb plugin is not installed (Debian: orthanc, orthanc-dicomweb)',
);

export interface Orthanc {
  /** REST root, without a trailing slash. */
  readonly url: string;
  readonly dicomWeb: string;
  get<T>(path: string): Promise<T>;
  close(): Promise<void>;
}

/**
 * @param more merged into orthanc.json
 * @param headers sent by `get`, such as a login
 * @param env for what its Lua scripts start, once the port is known
 */
export async function startOrthanc(
  more: object = {},
  headers: Record<string, string> = {},
  env: (dicomWeb: string) => NodeJS.ProcessEnv = () => ({}),
): Promise<Orthanc> {
  if (!ORTHANC) throw new Error(NO_ORTHANC!);
  const folder = await mkdtemp(join(tmpdir(), 'iscl-orthanc-'));
  const port = await freePort();
  const configuration = {
    Name: 'ISCL test',
    StorageDirectory: join(folder, 'db'),
    IndexDirectory: join(folder, 'db'),
    HttpPort: port,
    DicomServerEnabled: false,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    Plugins: [PLUGIN],
    DicomWeb: { Enable: true, Root: '/dicom-web/', EnableMetadataCache: false },
    ...more,
  };
  await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration));
  const child = spawn(ORTHANC, [join(folder, 'orthanc.json')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env(`http://127.0.0.1:${port}/dicom-web`) },
  });
  let log = '';
  child.stderr.on('data', chunk => (log += String(chunk)));
  const url = `http://127.0.0.1:${port}`;
  const get = async <T>(path: string): Promise<T> =>
    (await fetch(`${url}${path}`, { headers })).json() as Promise<T>;
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  for (const deadline = Date.now() + 30_000; ;) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`Orthanc did not start:\n${log}`);
    }
    if (
      await get('/system').then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  return {
    url,
    dicomWeb: `${url}/dicom-web`,
    get,
    async close() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>(resolve => server.close(() => resolve()));
  return port;
}
