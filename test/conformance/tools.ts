import { spawnSync } from 'node:child_process';
import { absentHere } from '../absent';

/** The validators of Debian's dicom3tools, dcmtk and libgdcm-tools. */
const TOOLS = ['dciodvfy', 'dcentvfy', 'dcmdump', 'dcmftest', 'gdcminfo'] as const;

/** Those that are not installed. */
export function missingTools(): string[] {
  const missing = TOOLS.filter(tool => spawnSync('which', [tool]).status !== 0);
  absentHere(missing.length > 0 ? `not installed: ${missing.join(', ')}` : null);
  return missing;
}

interface Output {
  readonly status: number | null;
  readonly lines: string[];
}

function run(tool: (typeof TOOLS)[number], args: readonly string[]): Output {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'latin1', maxBuffer: 2 ** 26 });
  return { status, lines: `${stdout}\n${stderr}`.split('\n').map(line => line.trim()) };
}

/** Errors and warnings of dciodvfy; it may exit 0 with an error in its text. */
export function dciodvfy(file: string): string[] {
  return run('dciodvfy', ['-new', file]).lines.filter(line => /^(Error|Warning)/.test(line));
}

/** Everything dcentvfy says about files that should be one study. */
export function dcentvfy(files: readonly string[]): string[] {
  return run('dcentvfy', files).lines.filter(line => line !== '');
}

/** Errors and warnings of dcmtk's parser. */
export function dcmdump(file: string): string[] {
  const { status, lines } = run('dcmdump', [file]);
  return [...lines.filter(line => /^[EWF]: /.test(line)), ...(status === 0 ? [] : [`exit ${status}`])];
}

/** True when dcmtk takes it for a DICOM file. */
export function dcmftest(file: string): boolean {
  return run('dcmftest', [file]).status === 0;
}

/** What gdcm understands, by its own labels. */
export function gdcminfo(file: string): Readonly<Record<string, string>> {
  const { status, lines } = run('gdcminfo', [file]);
  if (status !== 0) throw new Error(`gdcminfo exits ${status}: ${lines.join(' ')}`);
  return Object.fromEntries(
    lines.flatMap(line => {
      const match = /^([A-Za-z ]+?)\s*(?:is|:)\s*(.*)$/.exec(line);
      return match ? [[match[1]!, match[2]!]] : [];
    }),
  );
}
