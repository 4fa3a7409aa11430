import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { modalityOf, sliceFromStored } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { filesIn, imagesIn, launch, removeTemporary, temporary } from './command';

const DATA = resolve('../shared/data');
const absent = existsSync(DATA) ? null : `${DATA} is absent`;
if (absent) console.warn(`skipped: ${absent}`);

afterAll(removeTemporary);

async function sliceOf(file: string) {
  const parsed = parsePart10(await readFile(file));
  const instance = naturalize(parsed);
  const { stored } = await decodeFrame(parsed);
  return { instance, ...sliceFromStored(stored, instance) };
}

(absent ? describe.skip : describe)('real series through the command', () => {
  it.each(
    ['ct/CMB-CRC-MSB-01068_LUNG', 'ct/C3L-00189_LUNG_5mm', 'phantom/plastic-head_tilt16.5'].filter(name =>
      existsSync(join(DATA, name)),
    ),
  )(
    '%s: each slice once, in its place and pixel format, padding exact, no shift of the mean',
    async name => {
      const input = join(DATA, name);
      const output = await temporary();
      const { code, report } = await launch([input, output]);
      expect(code).toBe(0);
      expect(report).toMatchObject({ series: [{ outcome: 'done' }] });
      const sources = new Map<string, Awaited<ReturnType<typeof sliceOf>>>();
      for (const file of await filesIn(input)) {
        const slice = await sliceOf(join(input, file));
        sources.set(slice.instance.SOPInstanceUID, slice);
      }
      const files = await imagesIn(output);
      expect(files).toHaveLength(sources.size);
      for (const file of files) {
        const derived = await sliceOf(join(output, file));
        const [reference] = derived.instance['SourceImageSequence'] as { ReferencedSOPInstanceUID: string }[];
        const source = sources.get(reference!.ReferencedSOPInstanceUID)!;
        sources.delete(reference!.ReferencedSOPInstanceUID);
        const { slope, intercept, bitsStored, signed } = modalityOf(source.instance);
        expect(modalityOf(derived.instance)).toMatchObject({ slope, intercept, bitsStored, signed });
        expect(derived.instance['ImagePositionPatient']).toEqual(source.instance['ImagePositionPatient']);
        expect(derived.padding === null).toBe(source.padding === null);
        // A fill that no attribute declares is found in the image, and a smoothed pixel beside the fill may get its value.
        const isDeclared = source.instance['PixelPaddingValue'] !== undefined;
        let [sum, changed, paddingMoved, paddingLost, paddingMore] = [0, 0, 0, 0, 0];
        for (let i = 0; i < source.hu.length; i++) {
          const difference = derived.hu[i]! - source.hu[i]!;
          sum += difference;
          if (difference !== 0) changed++;
          if (source.padding?.[i] && derived.stored[i] !== source.stored[i]) paddingMoved++;
          if (source.padding?.[i] && !derived.padding?.[i]) paddingLost++;
          if (!source.padding?.[i] && derived.padding?.[i]) paddingMore++;
        }
        expect([paddingMoved, paddingLost]).toEqual([0, 0]);
        if (isDeclared) expect(paddingMore).toBe(0);
        expect(changed).toBeGreaterThan(source.hu.length / 10);
        // The fixture is a mean of nine pixels: HU move with the edges, the slice's mean does not.
        expect(Math.abs(sum / source.hu.length)).toBeLessThan(8);
      }
      expect(sources.size).toBe(0);
    },
    120_000,
  );

  it('the conformance corpus: a verdict or a reason for every file, no defect', async () => {
    const { code, report } = await launch([join(DATA, 'conformance'), '--dry-run']);
    expect(code).toBe(4);
    expect(report.error).toBeNull();
    expect(report.unreadable.length).toBeGreaterThan(0);
    const elsewhere = report.unreadable.filter(({ file }) => !file.startsWith('broken'));
    expect(new Set(elsewhere.map(({ what }) => what))).toEqual(new Set(['it has no SOP Instance UID']));
    const files = (await filesIn(join(DATA, 'conformance'))).length;
    const slices = report.series.reduce((sum, series) => sum + series.slices, 0);
    expect(slices + report.unreadable.length + report.ignoredFiles).toBe(files);
    for (const { outcome, verdict } of report.series) {
      expect(outcome).toBe(verdict.kind === 'refused' ? 'refused' : 'listed');
    }
  });
});
