import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import type { ServerOptions } from './index';

export const HELP = `npm start -- [options]

  --dicom DIR          show the DICOM files in this folder (repeatable); default: the demo study
  --store DIR          folder for series that the viewer stores; default .cache/store
  --pacs URL           show a PACS instead: its DICOMweb root, such as http://localhost:8042/dicom-web
  --pacs-header "K: V" send this header to the PACS (repeatable); or set PACS_AUTH=user:password
  --port NUMBER        default 3000; 0 takes any free port
  --host ADDRESS       default 127.0.0.1, this computer only; 0.0.0.0 lets other computers in
  --allow-host NAME    a name by which a proxy or other computers reach this server (repeatable)
  --no-isolation       send no COOP/COEP headers, as many hospitals do (one WebAssembly thread)
  --help               print this text
`;

/** A flag that cannot be used; the message says which and why. */
export class UsageError extends Error {}

/** Command-line flags to server options; folders are relative to `cwd`. Undefined for `--help`. Throws `UsageError`. */
export function parseOptions(
  args: string[],
  cwd: string,
  env: Record<string, string | undefined>,
): ServerOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  if (values.pacs !== undefined && (values.dicom || values.store)) {
    throw new UsageError('--pacs shows a PACS, --dicom and --store show folders; give one or the other.');
  }
  const pacsHeaders = values['pacs-header'] ?? [];
  if (values.pacs === undefined && pacsHeaders.length) throw new UsageError('--pacs-header needs --pacs.');
  return {
    isolation: !values['no-isolation'],
    ...(values.dicom && { dicom: values.dicom.map(folder => resolve(cwd, folder)) }),
    ...(values.store !== undefined && { store: resolve(cwd, values.store) }),
    ...(values.host !== undefined && { host: values.host }),
    ...(values['allow-host'] && { allowHosts: values['allow-host'] }),
    ...(values.port !== undefined && { port: port(values.port) }),
    ...(values.pacs !== undefined && {
      pacs: { url: pacsUrl(values.pacs), headers: headers(pacsHeaders, env['PACS_AUTH']) },
    }),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        dicom: { type: 'string', multiple: true },
        store: { type: 'string' },
        pacs: { type: 'string' },
        'pacs-header': { type: 'string', multiple: true },
        host: { type: 'string' },
        'allow-host': { type: 'string', multiple: true },
        port: { type: 'string' },
        'no-isolation': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535 || text.trim() === '') {
    throw new UsageError(`--port ${text}: a port is a number from 0 to 65535.`);
  }
  return number;
}

function pacsUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.search || url.hash)) {
    throw new UsageError(
      '--pacs: the address of a DICOMweb root has no "?" and no "#"; a token goes into --pacs-header.',
    );
  }
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url.href;
  throw new UsageError(
    url?.username || url?.password
      ? '--pacs: leave the login out of the address (it would show in logs); set PACS_AUTH=user:password.'
      : `--pacs ${text}: this is no address such as http://localhost:8042/dicom-web`,
  );
}

function headers(lines: string[], login: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  if (login) found['authorization'] = `Basic ${Buffer.from(login).toString('base64')}`;
  for (const line of lines) {
    const match = /^([\w-]+):\s*(.+)$/.exec(line);
    if (!match?.[1] || !match[2])
      throw new UsageError(`--pacs-header "${line}" is not of the form "Name: value".`);
    found[match[1].toLowerCase()] = match[2];
  }
  return found;
}
