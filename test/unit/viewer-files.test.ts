import type * as core from '@cornerstonejs/core';
import { judgeSeries } from '../../src/ct';
import { ctSeries } from '../browser/series';
import { FileHeaders, fileOf, isOfFile } from '../../extension/files';
import type { OhifInstance } from '../../extension/ohif';

/** A loader of files as Cornerstone's, with the whole file beside the image. */
function loader(files: Readonly<Record<string, Uint8Array | null>>) {
  const loadAndCacheImage = jest.fn((imageId: string) => {
    const byteArray = files[imageId];
    if (byteArray === undefined) return Promise.reject(new Error('404'));
    return Promise.resolve(byteArray ? { imageId, data: { byteArray } } : { imageId });
  });
  return { cornerstone: { imageLoader: { loadAndCacheImage } } as unknown as typeof core, loadAndCacheImage };
}

const series = (attributes: Record<string, unknown> = {}) =>
  ctSeries({ slices: 2, with: attributes }).map(file => new Uint8Array(file));
/** What a list states of an image: nearly nothing. */
const listed = (n: number, more: Record<string, unknown> = {}) =>
  ({
    SOPInstanceUID: `2.25.4712.${n}`,
    SeriesInstanceUID: '2.25.4712',
    StudyInstanceUID: '2.25.4711',
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    Modality: 'CT',
    wadoUri: 'http://example.org/',
    ...more,
  }) as OhifInstance;
const verdict = (files: FileHeaders, instances: readonly OhifInstance[]) =>
  judgeSeries(
    instances.map(instance => files.of(instance)),
    null,
  );

test.each([
  ['wadouri:http://a/b.dcm', true],
  ['dicomweb:http://a/b.dcm', true],
  ['dicomfile:3', true],
  ['wadors:http://a/studies/1/series/2/instances/3/frames/1', false],
  ['iscl-denoised:denoised/1', false],
])('%s is of a file: %p', (imageId, expected) => expect(isOfFile(imageId)).toBe(expected));

describe('what the list leaves out is taken from the file', () => {
  const instances = [listed(1), listed(2)];
  const images = instances.map((instance, i) => ({ instance, imageId: `wadouri:${i}` }));
  const served = (files: readonly Uint8Array[]) => loader({ 'wadouri:0': files[0]!, 'wadouri:1': files[1]! });

  test('rescale, geometry and the rest', async () => {
    const { cornerstone, loadAndCacheImage } = served(series());
    const files = new FileHeaders(cornerstone);
    expect(verdict(files, instances).kind).toBe('refused');
    expect(await files.load(images)).toBe(true);
    expect(verdict(files, instances).kind).toBe('accepted');
    expect(files.of(instances[0]!)).toMatchObject({ wadoUri: 'http://example.org/', PatientAge: '060Y' });
    // Once for all.
    expect(await files.load(images)).toBe(false);
    expect(loadAndCacheImage).toHaveBeenCalledTimes(2);
  });
  test('that the pixels are no HU, whatever the list says', async () => {
    const wrong = instances.map(instance => ({ ...instance, RescaleType: 'HU' }));
    const files = new FileHeaders(served(series({ RescaleType: 'Z_EFF' })).cornerstone);
    await files.load(wrong.map((instance, i) => ({ instance, imageId: `wadouri:${i}` })));
    expect(verdict(files, wrong)).toMatchObject({
      kind: 'refused',
      reasons: [{ code: 'not-hu', detail: 'Z_EFF' }],
    });
  });
  test('not what only the list says: a padding value, a body part', async () => {
    const invented = instances.map(instance => ({
      ...instance,
      PixelPaddingValue: 0,
      BodyPartExamined: 'HEAD',
    }));
    const files = new FileHeaders(served(series()).cornerstone);
    await files.load(invented.map((instance, i) => ({ instance, imageId: `wadouri:${i}` })));
    expect(files.of(invented[0]!)).not.toHaveProperty('PixelPaddingValue');
    expect(files.of(invented[0]!)['BodyPartExamined']).not.toBe('HEAD');
  });
  test.each<[string, Uint8Array | null | undefined]>([
    ['that cannot be loaded', undefined],
    ['whose loader keeps no file', null],
    ['that is no DICOM', new Uint8Array(500)],
    ['that is another image', series()[1]!],
  ])('a file %s says nothing', async (_name, file) => {
    const { cornerstone } = loader(file === undefined ? {} : { 'wadouri:0': file });
    const files = new FileHeaders(cornerstone);
    expect(await files.load(images.slice(0, 1))).toBe(false);
    expect(files.of(instances[0]!)).toBe(instances[0]);
  });
  test('frames are never loaded for it', async () => {
    const { cornerstone, loadAndCacheImage } = loader({});
    expect(await new FileHeaders(cornerstone).load([{ instance: listed(1), imageId: 'wadors:1' }])).toBe(
      false,
    );
    expect(await fileOf(cornerstone, 'wadors:1')).toBeNull();
    expect(loadAndCacheImage).not.toHaveBeenCalled();
  });
});
