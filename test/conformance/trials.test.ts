import { judgeSeries, sliceFromStored, type NaturalizedInstance } from '../../src/ct';
import { decodeFrame, naturalize, parsePart10 } from '../../src/dicom';
import { describeWithData, filesBelow, readData } from './corpus';

/* Inputs that users reported elsewhere, with the right value; docs/trials.md lists all and names the tests of the others. */

const instanceOf = (file: string): NaturalizedInstance => naturalize(parsePart10(readData(file)));

async function sliceOf(file: string) {
  const { stored } = await decodeFrame(parsePart10(readData(file)));
  return sliceFromStored(stored, instanceOf(file));
}

describeWithData('trials', () => {
  test('05: a Pixel Padding Value that is water is not believed', async () => {
    const [wrong, right] = await Promise.all(
      ['wrong', 'right'].map(name => sliceOf(`trials/05-padding-value-is-water/${name}.dcm`)),
    );
    expect(wrong!.padding).toBeNull();
    expect(wrong!.modality.padding).toBeNull();
    expect(wrong!.hu).toEqual(right!.hu);
  });
  test('09: two reconstructions in one series', () => {
    const verdict = judgeSeries(filesBelow('trials/09-two-recons-in-one-series').map(instanceOf), null);
    expect(verdict).toMatchObject({
      kind: 'accepted',
      warnings: expect.arrayContaining([
        expect.objectContaining({ code: 'series-mixed', what: 'kernels', values: 'B30, B70' }),
        expect.objectContaining({ code: 'positions-repeated', slices: 2 }),
      ]),
    });
  });
  test('02: the files behind a DICOM JSON source', async () => {
    const judged = (name: string) =>
      judgeSeries(filesBelow(`trials/02-dicomjson/${name}`).map(instanceOf), null);
    expect(judged('zeff')).toMatchObject({
      kind: 'refused',
      reasons: [{ code: 'not-hu', reason: 'rescale-type', detail: 'Z_EFF' }],
    });
    expect(judged('padding').kind).toBe('accepted');
    const { padding, hu, modality } = await sliceOf(filesBelow('trials/02-dicomjson/padding')[0]!);
    expect(modality.padding).not.toBeNull();
    expect(hu.filter((_, i) => padding![i] === 1).every(value => value === -3024)).toBe(true);
  });
});
