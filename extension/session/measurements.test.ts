import type { CornerstoneLibraries, DataSource } from '../ohif';
import { forgetStatistics, holdBackReports } from './measurements';

describe('statistics of another strength', () => {
  test('are forgotten for live images and the volumes of such, and for nothing else', () => {
    const annotation = (...targets: string[]) => ({
      invalidated: false,
      data: { cachedStats: Object.fromEntries(targets.map(target => [target, { stdDev: 1 }])) },
    });
    const annotations = [
      annotation('imageId:iscl:denoised/1'),
      annotation('imageId:wadors:/1'),
      annotation('volumeId:live?sliceIndex=3', 'volumeId:other?sliceIndex=3'),
      { data: {} },
    ];
    const heard: unknown[] = [];
    const libraries = {
      cornerstone: {
        cache: {
          getVolumes: () => [
            { volumeId: 'live', imageIds: ['iscl:denoised/1'] },
            { volumeId: 'other', imageIds: ['wadors:/1'] },
          ],
        },
        eventTarget: 'target',
        triggerEvent: (_: unknown, name: string, detail: unknown) => heard.push([name, detail]),
      },
      cornerstoneTools: {
        Enums: { Events: { ANNOTATION_MODIFIED: 'modified' } },
        annotation: { state: { getAllAnnotations: () => annotations } },
      },
    } as unknown as CornerstoneLibraries;
    forgetStatistics(libraries, imageId => imageId.startsWith('iscl:'));
    expect(
      annotations.map(({ data }) => Object.keys((data as { cachedStats?: object }).cachedStats ?? {})),
    ).toEqual([[], ['imageId:wadors:/1'], ['volumeId:other?sliceIndex=3'], []]);
    expect(heard).toEqual([
      ['modified', { annotation: annotations[0] }],
      ['modified', { annotation: annotations[2] }],
    ]);
  });
});

describe('a report', () => {
  const reportOn = (uid: string) => ({
    SOPInstanceUID: '1.9',
    ContentSequence: [{ ContentSequence: { ReferencedSOPSequence: { ReferencedSOPInstanceUID: uid } } }],
  });

  test('on a live instance is held back with the reason; others are sent, and all are again at the end', async () => {
    const sent: unknown[] = [];
    const dicom = async (dataset: unknown) => sent.push(dataset);
    const source = { store: { dicom } };
    const held = holdBackReports([source as unknown as DataSource, {} as DataSource], {
      sopInstanceUids: () => ['2.25.1', '2.25.2'],
    });
    await expect(source.store.dicom(reportOn('2.25.2'))).rejects.toThrow(
      /not stored.*Store the denoised series/s,
    );
    const others = [reportOn('2.25.22'), new ArrayBuffer(2), new Uint8Array(2)];
    for (const other of others) await source.store.dicom(other);
    expect(sent).toEqual(others);
    held.restore();
    await source.store.dicom(reportOn('2.25.2'));
    expect(sent).toHaveLength(4);
    expect(source.store.dicom).toBe(dicom);
  });
});
