import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  judgeSeries,
  modalityOf,
  sliceFromStored,
  type NaturalizedInstance,
  type PixelFormat,
} from '../../src/ct';
import { decodeFrame, naturalize, parsePart10, pixelFormatOf, type ParsedInstance } from '../../src/dicom';
import { DenoiseError } from '../../src/notices';
import { describeWithData, filesBelow, readData } from './corpus';

/*
 * verdicts.csv says what each file of the corpus, and each series of ct/ and phantom/, has to be judged: decided by a person looking at the file
 * with pydicom, never taken from what the code answers.
 */
interface Row {
  readonly path: string;
  readonly verdict: string;
  readonly codes: string;
}

const rows: Row[] = readFileSync(join(__dirname, 'verdicts.csv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map(line => {
    const [path = '', verdict = '', codes = ''] = line.split(',');
    return { path, verdict, codes };
  });

/** The verdict over files of one series, the way both faces come to it: read, judge, and decode what is accepted. */
async function judged(files: readonly string[]): Promise<string[]> {
  const instances: NaturalizedInstance[] = [];
  try {
    for (const file of files) instances.push(naturalize(parsePart10(readData(file))));
    const verdict = judgeSeries(instances, null);
    if (verdict.kind === 'refused') return ['refused', codesOf(verdict.reasons)];
    const { stored } = await decodeFrame(parsePart10(readData(files[0]!)));
    expect(sliceFromStored(stored, instances[0]!).hu.every(Number.isFinite)).toBe(true);
    return [verdict.warnings.length > 0 ? 'accepted with warnings' : 'accepted', codesOf(verdict.warnings)];
  } catch (error) {
    if (error instanceof DenoiseError && error.notice.code === 'unreadable-dicom') return ['unreadable', ''];
    throw error;
  }
}

/** The Modality LUT and pixel format, or why there are none. */
function modalityBy(format: PixelFormat): unknown {
  try {
    return modalityOf(format);
  } catch (error) {
    if (error instanceof DenoiseError) return error.notice;
    throw error;
  }
}

const codesOf = (notices: readonly { code: string }[]) =>
  notices
    .map(({ code }) => code)
    .sort()
    .join(' ');

describeWithData('verdicts over the corpus', () => {
  test('the table names every file of the corpus', () => {
    const named = rows.map(({ path }) => path).filter(path => path.endsWith('.dcm'));
    expect(named.sort()).toEqual(filesBelow('conformance'));
  });
  test('the pixel format is the same from the elements and from the naturalised dataset', () => {
    const files = [...filesBelow('conformance'), ...filesBelow('breadth'), ...filesBelow('phantom')];
    let compared = 0;
    for (const file of files) {
      let parsed: ParsedInstance;
      try {
        parsed = parsePart10(readData(file));
      } catch (error) {
        if (error instanceof DenoiseError) continue;
        throw error;
      }
      expect([file, modalityBy(pixelFormatOf(parsed.dataset))]).toEqual([
        file,
        modalityBy(naturalize(parsed)),
      ]);
      compared++;
    }
    expect(compared).toBeGreaterThan(200);
  });
  test.each(rows.map(row => [row.path, row] as const))('%s', async (path, { verdict, codes }) => {
    const start = performance.now();
    expect(await judged(path.endsWith('/') ? filesBelow(path) : [path])).toEqual([verdict, codes]);
    // A guard against hanging on a damaged file, not a measure of speed.
    if (!path.endsWith('/')) expect(performance.now() - start).toBeLessThan(5000);
  });
});
