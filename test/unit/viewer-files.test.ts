import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { judgeSeries } from '../../src/ct';
import { ctSeries } from '../browser/series';
import { fetchFile, FileHeaders, isOfFile } from '../../extension/files';
import type { OhifInstance } from '../../extension/ohif';

/** Files by their image ids; null where the source gives none. */
const source = (files: Readonly<Record<string, Uint8Array | null>>) =>
  jest.fn((imageId: string) => Promise.resolve(files[imageId] ?? null));

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
  ['dicomfile:3', false],
  ['wadors:http://a/studies/1/series/2/instances/3/frames/1', false],
  ['iscl-denoised:denoised/1', false],
])('%s is of a file: %p', (imageId, expected) => expect(isOfFile(imageId)).toBe(expected));

describe('what the list leaves out is taken from the file', () => {
  const instances = [listed(1), listed(2)];
  const images = instances.map((instance, i) => ({ instance, imageId: `wadouri:${i}` }));
  const served = (files: readonly Uint8Array[]) => source({ 'wadouri:0': files[0]!, 'wadouri:1': files[1]! });

  test('rescale, geometry and the rest', async () => {
    const fetched = served(series());
    const files = new FileHeaders(fetched);
    expect(verdict(files, instances).kind).toBe('refused');
    expect(await files.load(images)).toBe(true);
    expect(verdict(files, instances).kind).toBe('accepted');
    expect(files.of(instances[0]!)).toMatchObject({ wadoUri: 'http://example.org/', PatientAge: '060Y' });
    // Once for all.
    expect(await files.load(images)).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(2);
  });
  test('that the pixels are no HU, whatever the list says', async () => {
    const wrong = instances.map(instance => ({ ...instance, RescaleType: 'HU' }));
    const files = new FileHeaders(served(series({ RescaleType: 'Z_EFF' })));
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
    const files = new FileHeaders(served(series()));
    await files.load(invented.map((instance, i) => ({ instance, imageId: `wadouri:${i}` })));
    expect(files.of(invented[0]!)).not.toHaveProperty('PixelPaddingValue');
    expect(files.of(invented[0]!)['BodyPartExamined']).not.toBe('HEAD');
  });
  test.each<[string, Uint8Array | null]>([
    ['that cannot be had', null],
    ['that is no DICOM', new Uint8Array(500)],
    ['that is another image', series()[1]!],
  ])('a file %s says nothing', async (_name, file) => {
    const files = new FileHeaders(source({ 'wadouri:0': file }));
    expect(await files.load(images.slice(0, 1))).toBe(false);
    expect(files.of(instances[0]!)).toBe(instances[0]);
  });
  test('frames are never fetched for it', async () => {
    const fetched = source({});
    expect(await new FileHeaders(fetched).load([{ instance: listed(1), imageId: 'wadors:1' }])).toBe(false);
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe('a file is fetched from the address in the image id', () => {
  let server: Server;
  let origin: string;
  const asked: { url: string; authorization: string | undefined }[] = [];
  beforeAll(async () => {
    server = createServer(({ url = '', headers }, response) => {
      asked.push({ url, authorization: headers.authorization });
      response.writeHead(url.startsWith('/missing') ? 404 : 200).end('bytes');
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());
  beforeEach(() => void (asked.length = 0));
  const fetched = (imageId: string) => fetchFile(() => ({ Authorization: 'Bearer token' }))(imageId);

  test.each([
    ['wadouri:ORIGIN/a.dcm', '/a.dcm'],
    ['dicomweb:ORIGIN/a.dcm?frame=1', '/a.dcm'],
    ['wadouri:ORIGIN/wado?requestType=WADO&frame=1&objectUID=1.2', '/wado?requestType=WADO&objectUID=1.2'],
    ['wadouri:ORIGIN/wado?objectUID=1.2&frame=12', '/wado?objectUID=1.2'],
  ])('%s', async (imageId, url) => {
    expect(new TextDecoder().decode((await fetched(imageId.replace('ORIGIN', origin)))!)).toBe('bytes');
    expect(asked).toEqual([{ url, authorization: 'Bearer token' }]);
  });
  test('nothing where it cannot be had', async () => {
    expect(await fetched(`wadouri:${origin}/missing.dcm`)).toBeNull();
    expect(await fetched('wadouri:http://127.0.0.1:1/a.dcm')).toBeNull();
    expect(await fetched(`wadors:${origin}/studies/1`)).toBeNull();
    expect(asked.map(({ url }) => url)).toEqual(['/missing.dcm']);
  });
});
