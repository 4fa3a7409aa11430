import { spawnSync } from 'node:child_process';
import { absentHere } from '../absent';

/** The Python that has pydicom: ISCL_PYTHON, else python3. */
export const PYTHON = process.env['ISCL_PYTHON'] ?? 'python3';

/** Why pydicom cannot be used, or null. */
export function pydicomMissing(): string | null {
  const { status, error } = spawnSync(PYTHON, ['-c', 'import numpy, pydicom'], { encoding: 'utf8' });
  return absentHere(
    status === 0 ? null : `${PYTHON} has no pydicom (set ISCL_PYTHON)${error ? `: ${error.message}` : ''}`,
  );
}

/** Standard output of a Python script; throws with its standard error. */
export function python(script: string, args: readonly string[], input: string): string {
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
