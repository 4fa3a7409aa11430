import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Catalog } from './catalog';
import type { Readers } from './readers';
import { scanFolder } from './scan';

/** Reads every path but one, which ends the thread. */
function readersThatDieOf(name: string): Readers {
  const runLater = async (_task: string, paths: string[]) => {
    if (paths.some(path => basename(path) === name)) throw new Error('reading the file ended early');
    return paths.map(path => ({
      instance: { studyUid: '1', seriesUid: '2', sopUid: basename(path), path },
      study: {},
      series: {},
    }));
  };
  return { runLater } as unknown as Readers;
}

test('a file that ends its thread is the only one of its batch that is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'iscl-scan-'));
  try {
    for (let i = 0; i < 100; i++) writeFileSync(join(folder, `${i}.dcm`), '');
    const catalog = new Catalog();
    const signal = new AbortController().signal;
    const result = await scanFolder(folder, catalog, readersThatDieOf('50.dcm'), signal);
    expect(result).toEqual({ found: 99, skipped: 0 });
    expect(catalog.find('50.dcm')).toBeUndefined();
    expect(catalog.problems).toEqual([
      { path: join(basename(folder), '50.dcm'), problem: 'reading the file ended early' },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
