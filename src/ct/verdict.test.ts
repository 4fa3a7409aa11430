import fc from 'fast-check';
import { ctInstance } from './fixtures';
import type { ModelDomain, NaturalizedInstance, Verdict } from './index';
import { judgeSeries, PRODUCT } from './index';

const domain: ModelDomain = {
  kernels: ['B30f', 'B4*', 'STANDARD', 'FC17'],
  sliceThicknessMm: [1, 5],
  doseFraction: [0.1, 1],
  bodyParts: ['CHEST', 'ABDOMEN', 'PELVIS'],
  ageYears: [18, 120],
  kVp: [80, 140],
};

const series = (changes: Record<string, unknown> = {}) => [1, 2, 3].map(n => ctInstance(changes, n));
const codes = (verdict: Verdict) =>
  (verdict.kind === 'refused' ? verdict.reasons : verdict.warnings).map(notice => notice.code);
const judged = (changes: Record<string, unknown>) => {
  const verdict = judgeSeries(series(changes), domain);
  return [verdict.kind, ...codes(verdict)];
};

describe('judgeSeries accepts', () => {
  test('an original axial CT inside the domain, without a word', () => {
    expect(judgeSeries(series(), domain)).toEqual({ kind: 'accepted', warnings: [], unknown: [] });
  });
  test('the same with backslash strings and numbers as strings', () => {
    const changes = {
      ImageType: 'ORIGINAL\\PRIMARY\\AXIAL',
      PixelSpacing: '0.7\\0.7 ',
      ImageOrientationPatient: '1\\0\\0\\0\\1\\0',
      ImagePositionPatient: '-180\\-180\\-1.5E+01',
      RescaleSlope: '001.000000E+00',
      RescaleIntercept: '-01.024000E+03',
      Rows: '512',
      KVP: '000120',
    };
    // All at one position.
    expect(judged(changes)).toEqual(['accepted', 'positions-repeated']);
  });
  test('a missing Rescale Type, which means HU, and HU', () => {
    expect(judged({ RescaleType: 'HU ' })).toEqual(['accepted']);
    expect(judged({ RescaleType: '' })).toEqual(['accepted']);
    // GE's reformats, RICORD.
    expect(judged({ RescaleType: 'Houndsfield Unit' })).toEqual(['accepted']);
    expect(judged({ RescaleType: 'HOUNSFIELD UNITS' })).toEqual(['accepted']);
  });
  test('gantry tilt, uneven spacing and repeated positions', () => {
    const tilted = { ImageOrientationPatient: [1, 0, 0, 0, 0.96, -0.28] };
    expect(judged({ ...tilted, ImagePositionPatient: [0, 0, 7] })).toEqual([
      'accepted',
      'positions-repeated',
    ]);
  });
  test('a file that can be decoded in at least one way', () => {
    const unknown = '1.2.840.10008.1.2.4.103';
    expect(judged({ AvailableTransferSyntaxUID: [unknown, '1.2.840.10008.1.2.1'] })).toEqual(['accepted']);
  });
});

describe('judgeSeries refuses', () => {
  const cases: [string, Record<string, unknown>, ...string[]][] = [
    ['MR', { Modality: 'MR', SOPClassUID: '1.2.840.10008.5.1.4.1.1.4' }, 'not-ct'],
    ['no modality', { Modality: undefined }, 'not-ct'],
    ['secondary capture', { SOPClassUID: '1.2.840.10008.5.1.4.1.1.7' }, 'wrong-sop-class'],
    ['Enhanced CT', { SOPClassUID: '1.2.840.10008.5.1.4.1.1.2.1', NumberOfFrames: 40 }, 'multi-frame'],
    ['Legacy Converted CT', { SOPClassUID: '1.2.840.10008.5.1.4.1.1.2.2' }, 'multi-frame'],
    ['frames in a CT Image', { NumberOfFrames: '2' }, 'multi-frame'],
    ['localizer', { ImageType: 'ORIGINAL\\PRIMARY\\LOCALIZER' }, 'localizer'],
    ['Philips surview', { ImageType: ['DERIVED', 'SECONDARY', 'REF_SURVIEW'] }, 'localizer'],
    ['RGB', { PhotometricInterpretation: 'RGB', SamplesPerPixel: 3, RescaleSlope: undefined }, 'colour'],
    ['palette', { PhotometricInterpretation: 'PALETTE COLOR' }, 'colour'],
    ['MONOCHROME1', { PhotometricInterpretation: 'MONOCHROME1' }, 'not-hu'],
    ['no slope', { RescaleSlope: undefined }, 'not-hu'],
    ['empty intercept', { RescaleIntercept: '' }, 'not-hu'],
    ['other Rescale Type', { RescaleType: 'US' }, 'not-hu'],
    ['effective atomic number', { RescaleType: 'Z_EFF' }, 'not-hu'],
    ['concentration', { RescaleType: 'MGML' }, 'not-hu'],
    ['a Rescale Type nobody knows', { RescaleType: 'HUX' }, 'not-hu'],
    ['a Number of Frames that is no number', { NumberOfFrames: '1e3' }, 'invalid-attribute'],
    ['virtual monoenergetic', { RescaleType: 'HU_MOD' }, 'not-hu'],
    ['8-bit grey levels', { BitsAllocated: 8, BitsStored: 8, HighBit: 7, RescaleIntercept: 0 }, 'not-hu'],
    ['slope 0', { RescaleSlope: 0 }, 'invalid-attribute'],
    ['slope below float32', { RescaleSlope: 1e-9 }, 'invalid-attribute'],
    ['slope is text', { RescaleSlope: 'one' }, 'invalid-attribute'],
    ['Bits Stored above Allocated', { BitsStored: 17, HighBit: 16 }, 'invalid-attribute'],
    ['High Bit elsewhere', { HighBit: 15 }, 'invalid-attribute'],
    ['Pixel Representation 2', { PixelRepresentation: 2 }, 'invalid-attribute'],
    ['32-bit words', { BitsAllocated: 32, BitsStored: 32, HighBit: 31 }, 'invalid-attribute'],
    ['no Rows', { Rows: undefined }, 'missing-attribute'],
    ['negative Columns', { Columns: -512 }, 'invalid-attribute'],
    ['icon', { Rows: 16, Columns: 16 }, 'too-small'],
    ['one spacing', { PixelSpacing: 0.7 }, 'invalid-attribute'],
    ['no spacing', { PixelSpacing: [] }, 'missing-attribute'],
    ['cosines not unit', { ImageOrientationPatient: [1, 0, 0, 0, 2, 0] }, 'invalid-attribute'],
    ['cosines parallel', { ImageOrientationPatient: [1, 0, 0, 1, 0, 0] }, 'invalid-attribute'],
    ['no position', { ImagePositionPatient: null }, 'missing-attribute'],
    ['MPEG-4', { AvailableTransferSyntaxUID: '1.2.840.10008.1.2.4.102' }, 'undecodable'],
    ['our model name', { ManufacturerModelName: PRODUCT.modelName }, 'already-denoised'],
    ['our code', { DerivationCodeSequence: [{ CodingSchemeDesignator: '99ISCL' }] }, 'already-denoised'],
    [
      'our equipment',
      { ContributingEquipmentSequence: [{ ManufacturerModelName: PRODUCT.modelName }] },
      'already-denoised',
    ],
    ['our tag', { SeriesDescription: `Chest ${PRODUCT.seriesTag}` }, 'already-denoised'],
  ];
  test.each(cases)('%s', (_name, changes, ...expected) => {
    expect(judged(changes)).toEqual(['refused', ...expected]);
  });

  test('an empty series', () => {
    expect(codes(judgeSeries([], null))).toEqual(['empty-series']);
  });
  test.each([
    ['Rows', 256],
    ['PixelSpacing', [0.8, 0.8]],
    ['ImageOrientationPatient', [0, 1, 0, 0, 0, -1]],
    ['SeriesInstanceUID', '1.9'],
  ])('a series mixed in %s', (attribute, value) => {
    const verdict = judgeSeries([...series(), ctInstance({ [attribute]: value }, 4)], domain);
    expect(verdict).toEqual({
      kind: 'refused',
      reasons: [{ kind: 'refusal', code: 'mixed-geometry', attribute }],
    });
  });
  test('a Frame of Reference UID of its own in each slice (LIDC-IDRI) is no reason', () => {
    expect(judgeSeries([...series(), ctInstance({ FrameOfReferenceUID: '1.9' }, 4)], domain).kind).toBe(
      'accepted',
    );
  });
  test('a localizer among axial slices', () => {
    const verdict = judgeSeries(
      [...series(), ctInstance({ ImageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] }, 4)],
      domain,
    );
    expect(codes(verdict)).toEqual(['localizer']);
  });
  test('naming every reason once, whatever the number of slices', () => {
    const verdict = judgeSeries(series({ RescaleType: 'US', PixelSpacing: undefined }), domain);
    expect(codes(verdict)).toEqual(['not-hu', 'missing-attribute']);
  });
});

describe('judgeSeries warns of', () => {
  test.each<[string, Record<string, unknown>, ...string[]]>([
    ['a sharp kernel', { ConvolutionKernel: 'B70f' }, 'kernel-outside-domain'],
    ['no kernel', { ConvolutionKernel: undefined }, 'kernel-outside-domain'],
    ['a thick slice', { SliceThickness: 8 }, 'thickness-outside-domain'],
    ['no thickness', { SliceThickness: '' }, 'thickness-outside-domain'],
    ['a head', { BodyPartExamined: 'BRAIN' }, 'body-part-outside-domain'],
    ['neck and chest', { BodyPartExamined: 'NECKCHEST' }, 'body-part-outside-domain'],
    ['a child', { PatientAge: '010Y' }, 'age-outside-domain'],
    ['a baby', { PatientAge: '018M' }, 'age-outside-domain'],
    [
      'a child by dates',
      { PatientAge: undefined, PatientBirthDate: '20100101', StudyDate: '20200101' },
      'age-outside-domain',
    ],
    ['kVp', { KVP: 70 }, 'kvp-outside-domain'],
    ['lossy history', { LossyImageCompression: '01' }, 'lossy-source'],
    ['a lossy file', { AvailableTransferSyntaxUID: '1.2.840.10008.1.2.4.51' }, 'lossy-source'],
    ['a derived source', { ImageType: ['DERIVED ', 'PRIMARY', 'AXIAL'] }, 'derived-source'],
    ['no Image Type', { ImageType: undefined }, 'image-type-missing'],
  ])('%s', (_name, changes, ...expected) => {
    expect(judged(changes)).toEqual(['accepted', ...expected]);
  });
  test.each([
    { ImageType: ['DERIVED', 'PRIMARY', 'AXIAL', 'CT_SOM5 MONO', 'VMI'] },
    { SeriesDescription: 'Mono 50 keV' },
    { SeriesDescription: 'MonoE_40keV' },
    { SeriesDescription: 'DE_Mono+ 55' },
    { SeriesDescription: 'GSI MONO 70KEV' },
    { SeriesDescription: 'Virtual Non Contrast' },
    { SeriesDescription: 'VNC 120kV Br40' },
    { SeriesDescription: 'Iodine overlay' },
    { ProtocolName: 'Thorax VMI 60' },
    { DerivationDescription: 'virtual monoenergetic image' },
    { MonoenergeticEnergyEquivalent: 50 },
  ])('an image computed from several energies: %j', changes => {
    expect(judged(changes)).toContain('spectral-outside-domain');
  });
  test.each([
    { SeriesDescription: 'Thorax 120kV' },
    { SeriesDescription: 'MONOCHROME2 export' },
    { SeriesDescription: 'pneumonoconiosis' },
    { ProtocolName: 'Mikevolt' },
  ])('no image of one tube voltage: %j', changes => {
    expect(judged(changes)).toEqual(['accepted']);
  });
  test('nothing is within the domain that the files do not state', () => {
    const unknown = (changes: Record<string, unknown>) => {
      const verdict = judgeSeries(series(changes), domain);
      return verdict.kind === 'accepted' && verdict.unknown;
    };
    expect(unknown({})).toEqual([]);
    expect(unknown({ BodyPartExamined: undefined, PatientAge: undefined })).toEqual(['body part', 'age']);
    expect(unknown({ BodyPartExamined: ' ' })).toEqual(['body part']);
    expect(unknown({ PatientAge: 'unknown' })).toEqual(['age']);
    expect(unknown({ PatientAge: '', PatientBirthDate: '19500101', StudyDate: '20200101' })).toEqual([]);
    expect(unknown({ KVP: undefined })).toEqual(['kV']);
    expect(unknown({ KVP: 0 })).toEqual(['kV']);
    const some = [...series(), ctInstance({ BodyPartExamined: undefined }, 4)];
    expect(judgeSeries(some, domain)).toMatchObject({ unknown: ['body part'] });
    expect(judgeSeries(some, null)).toMatchObject({ unknown: [] });
  });
  test.each(['b30F', 'B30s', '59 .21.B30s', 'B41s', ['B30f', '3'], 'standard ', 'FC17'])(
    'no kernel such as %j',
    kernel => {
      expect(judged({ ConvolutionKernel: kernel })).toEqual(['accepted']);
    },
  );
  test.each(['LUNG', 'Thorax', 'CHEST_TO_PELVIS', 'TH CT CHEST WO C', 'CHESTABDPELVIS', 'PANCREAS', ''])(
    'no body part such as %j',
    part => expect(judged({ BodyPartExamined: part })).toEqual(['accepted']),
  );
  test.each([
    ['soft', 'B10f', 'B30s', 'Br36d', 'SOFT', 'FC11', 'A'],
    ['standard', 'B40f', '59 .21.B41s', 'STANDARD', 'Br40d', 'FC13', 'B', 'UB'],
    ['sharp', 'B70f', '59 .10.AB50', 'LUNG', 'BONEPLUS', 'FC17', 'FC51', 'L', 'YC'],
  ])('kernels of the class %s', (kind, ...kernels) => {
    const classes = ['soft', 'standard', 'sharp'];
    for (const ConvolutionKernel of kernels) {
      const inside = classes.filter(kernel => {
        const verdict = judgeSeries(series({ ConvolutionKernel }), { ...domain, kernels: [kernel] });
        return codes(verdict).length === 0;
      });
      expect([ConvolutionKernel, ...inside]).toEqual([ConvolutionKernel, kind]);
    }
    const unknown = judgeSeries(series({ ConvolutionKernel: '000000' }), { ...domain, kernels: classes });
    expect(codes(unknown)).toEqual(['kernel-outside-domain']);
  });
  test('nothing of the domain when no model is chosen', () => {
    expect(judgeSeries(series({ ConvolutionKernel: 'B70f' }), null)).toEqual({
      kind: 'accepted',
      warnings: [],
      unknown: [],
    });
  });
});

test('any metadata at all gets a verdict, never an exception', () => {
  const keywords = Object.keys(ctInstance());
  const value = fc.oneof(
    fc.constantFrom(
      undefined,
      null,
      '',
      '\\',
      'CT',
      'HU',
      '1\\0\\0\\0\\1\\0',
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ),
    fc.double(),
    fc.string(),
    fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(null)), { maxLength: 7 }),
    fc.object({ maxDepth: 1 }),
  );
  const changes = fc.dictionary(fc.constantFrom(...keywords), value, { maxKeys: 4 });
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 3 }), all => {
      const instances = all.map((change, n) => ctInstance(change, n) as NaturalizedInstance);
      const verdict = judgeSeries(instances, domain);
      expect(verdict.kind === 'refused' ? verdict.reasons.length > 0 : verdict.kind === 'accepted').toBe(
        true,
      );
    }),
  );
});
