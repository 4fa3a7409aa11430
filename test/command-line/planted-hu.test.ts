/** @jest-environment ./test/node-environment.cjs */
import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sliceFromStored, type SliceHu } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { absentHere } from '../absent';
import { ctInstance, folderOf, imagesIn, removeTemporary, runJson, temporary } from './command';

afterAll(removeTemporary);

const BIG = resolve('../shared/data/trials/14-hu/big.dcm');
const absent = absentHere(existsSync(BIG) ? null : `${BIG} is absent`);
if (absent) console.warn(`skipped: ${absent}`);

async function sliceOf(bytes: Uint8Array): Promise<SliceHu> {
  const parsed = parsePart10(bytes);
  return sliceFromStored((await decodeFrame(parsed)).stored, naturalize(parsed));
}

/** What the test's model means: the mean of nine of the HU that it is shown, and what its range cut off. */
function meanOfNine({ hu, rows, columns }: SliceHu): number[] {
  const [low, high] = [-1024, 3071];
  const shown = hu.map(value => Math.min(high, Math.max(low, value)));
  const at = (y: number, x: number) =>
    y < 0 || x < 0 || y >= rows || x >= columns ? 0 : shown[y * columns + x]!;
  return Array.from(hu, (value, i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    let sum = 0;
    for (const dy of [-1, 0, 1]) for (const dx of [-1, 0, 1]) sum += at(y + dy, x + dx);
    return sum / 9 + value - shown[i]!;
  });
}

describe('HU that 16 bits do not hold, or that are no whole numbers', () => {
  it.each([
    ['16 bits unsigned, up to 64,511 HU', { PixelRepresentation: 0, RescaleIntercept: -1024 }],
    ['16 bits signed below -32,768 HU', { RescaleIntercept: -32400 }],
    ['slope 0.1', { RescaleSlope: 0.1 }],
    ['slope 1.000244', { RescaleSlope: 1.000244, RescaleIntercept: -1024 }],
    ['slope 0.5', { RescaleSlope: 0.5 }],
    ['slope 3', { RescaleSlope: 3 }],
    ['an intercept of -1024.5', { RescaleIntercept: -1024.5 }],
    ['slope -1', { RescaleSlope: -1 }],
  ])('the file is at most half a slope from what the model gave: %s', async (_format, attributes) => {
    const source = ctInstance(1, { attributes });
    const [input, output] = [await folderOf([source]), await temporary()];
    expect(await runJson([input, output])).toMatchObject({ code: 0, series: [{ written: 1 }] });
    const [file] = await imagesIn(output);
    const derived = await sliceOf(await readFile(join(output, file!)));
    const before = await sliceOf(source.part10);
    const { slope, intercept, minStored, maxStored } = before.modality;
    const ends = [minStored, maxStored].map(stored => slope * stored + intercept).sort((a, b) => a - b);
    const errors = meanOfNine(before).map((hu, i) => {
      const storable = Math.min(ends[1]!, Math.max(ends[0]!, hu));
      return Math.abs(derived.hu[i]! - storable);
    });
    // float32 of 60,000 HU is as exact as 0.004 HU.
    expect(Math.max(...errors)).toBeLessThanOrEqual(Math.abs(slope) / 2 + 0.01);
  });

  (absent ? it.skip : it)('58,976 HU come out as 58,976', async () => {
    const [input, output] = [await temporary(), await temporary()];
    await copyFile(BIG, join(input, 'big.dcm'));
    expect(await runJson([input, output])).toMatchObject({ code: 0 });
    const [file] = await imagesIn(output);
    const [before, after] = await Promise.all(
      [BIG, join(output, file!)].map(async path => sliceOf(await readFile(path))),
    );
    const largest = (hu: Float32Array) => hu.reduce((a, b) => Math.max(a, b));
    expect(largest(before!.hu)).toBe(58_976);
    expect(largest(after!.hu)).toBeGreaterThan(58_000);
  });
});
