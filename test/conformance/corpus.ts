import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Real CT and odd files, shared between checkouts and never committed. */
export const DATA = resolve(__dirname, '../../../shared/data');
export const hasData = existsSync(join(DATA, 'manifest.csv'));

/** `describe` where the data is; a printed reason and nothing where it is not. */
export function describeWithData(name: string, body: () => void): void {
  if (hasData) {
    describe(name, body);
    return;
  }
  process.stdout.write(`skipped: ${name}: ../shared/data is absent\n`);
  describe.skip(name, () => {
    test('needs ../shared/data', () => undefined);
  });
}

/** A file of the data as a Uint8Array of its own. */
export function readData(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(DATA, path)));
}

/** The .dcm files below a folder, sorted, as paths in the data. */
export function filesBelow(folder: string): string[] {
  return (readdirSync(join(DATA, folder), { recursive: true }) as string[])
    .filter(name => name.endsWith('.dcm') && statSync(join(DATA, folder, name)).isFile())
    .sort()
    .map(name => join(folder, name));
}

/** First .dcm file of a folder, as a path in the data. */
export function firstOf(folder: string): string {
  const [first] = filesBelow(folder);
  if (!first) throw new Error(`no DICOM file below ${folder}`);
  return first;
}
