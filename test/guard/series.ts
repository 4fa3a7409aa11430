import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sliceFromStored, sortAlongNormal, type CtSlice, type SliceHu } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';

export interface FileSlice extends CtSlice {
  readonly path: string;
}

/** The slices of a folder's one series, along the normal; pixels are decoded once. */
export async function seriesIn(folder: string): Promise<FileSlice[]> {
  const slices = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const parsed = parsePart10(await readFile(path));
    const instance = naturalize(parsed);
    let loaded: Promise<SliceHu> | null = null;
    const loadHu = () =>
      (loaded ??= decodeFrame(parsed).then(({ stored }) => sliceFromStored(stored, instance)));
    slices.push({ path, instance, loadHu });
  }
  return sortAlongNormal(slices, ({ instance }) => instance);
}
