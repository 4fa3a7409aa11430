import type { Warning } from '../notices';
import { ctInstance } from './fixtures';
import { judgeSeries, type NaturalizedInstance } from './index';

function warningsOf(instances: readonly NaturalizedInstance[]): Warning[] {
  const verdict = judgeSeries(instances, null);
  if (verdict.kind === 'refused') throw new Error(JSON.stringify(verdict.reasons));
  return [...verdict.warnings];
}
const at = (z: number, changes: Record<string, unknown> = {}) =>
  ctInstance({
    SOPInstanceUID: `1.2.${z}.${Object.values(changes).join('')}`,
    ImagePositionPatient: [-180, -180, z],
    ...changes,
  });
const stack = (count: number, changes: (index: number) => Record<string, unknown> = () => ({}), first = 0) =>
  Array.from({ length: count }, (_, index) =>
    at(first + 5 * index, { InstanceNumber: index, ...changes(index) }),
  );
const time = (seconds: number) =>
  [3600, 60, 1]
    .map(unit => String(Math.floor((seconds / unit) % (unit === 3600 ? 24 : 60))).padStart(2, '0'))
    .join('');

describe('a series that is one', () => {
  test.each<[string, NaturalizedInstance[]]>([
    ['of even slices', stack(8)],
    ['of one slice', stack(1)],
    ['with a number of its own in each slice (LIDC-IDRI)', stack(8, i => ({ AcquisitionNumber: i + 1 }))],
    ['of one rotation after another', stack(12, i => ({ AcquisitionNumber: 1 + (i >> 1) }))],
    ['whose kernel is written in two ways', stack(4, i => ({ ConvolutionKernel: i % 2 ? 'B30f' : 'B30s' }))],
    ['whose positions are rounded', [0, 0.7, 1.3, 2, 2.6, 3.3].map(z => at(z))],
    ['whose thickness is rounded in some', stack(4, i => ({ SliceThickness: i % 2 ? 4.999999 : 5 }))],
    ['past midnight', stack(4, i => ({ AcquisitionTime: i < 2 ? '235959' : '000001' }))],
    ['of a long scan with a time for each slice', stack(40, i => ({ AcquisitionTime: time(36000 + 2 * i) }))],
    ['with pixels that are square but for rounding', stack(3, () => ({ PixelSpacing: [0.703, 0.7031] }))],
  ])('%s', (_name, instances) => expect(warningsOf(instances)).toEqual([]));
});

describe('a series that is several', () => {
  const both = (changes: Record<string, unknown>, more: Record<string, unknown> = {}) => [
    ...stack(4),
    ...stack(4, () => changes, 20).map(instance => ({ ...instance, ...more })),
  ];
  test.each<[string, NaturalizedInstance[], Partial<Warning>[]]>([
    [
      'two kernels at the same positions',
      [...stack(4), ...stack(4, () => ({ ConvolutionKernel: 'B70f' }))],
      [
        { code: 'series-mixed', what: 'kernels', values: 'B30, B70' },
        { code: 'positions-repeated', slices: 4 },
      ],
    ],
    [
      'two kernels one above the other',
      both({ ConvolutionKernel: 'LUNG' }),
      [{ what: 'kernels', values: 'B30, LUNG' }],
    ],
    [
      'a kernel in some only',
      both({ ConvolutionKernel: undefined }),
      [{ what: 'kernels', values: 'none stated, B30' }],
    ],
    [
      'two strengths of iteration',
      both({ ConvolutionKernel: ['B30f', '3'] }),
      [{ what: 'kernels', values: 'B30, B30/3' }],
    ],
    [
      'two phases of the heart',
      [
        ...stack(4, () => ({ NominalPercentageOfCardiacPhase: 40 })),
        ...stack(4, () => ({ NominalPercentageOfCardiacPhase: 75 })),
      ],
      [{ what: 'phases', values: '40, 75' }, { code: 'positions-repeated' }],
    ],
    ['two phases in time', both({ TemporalPositionIdentifier: 2 }), [{ what: 'phases' }]],
    [
      'without and with contrast',
      both({ ContrastBolusAgent: 'Iohexol' }),
      [{ what: 'phases', values: 'none stated, Iohexol' }],
    ],
    [
      'two acquisitions',
      stack(8, i => ({ AcquisitionNumber: i < 4 ? 1 : 2 })),
      [{ what: 'acquisitions', values: '1, 2' }],
    ],
    [
      'four acquisitions over one another',
      [0, 1, 2, 3].flatMap(n => stack(3, () => ({ AcquisitionNumber: n }), 1.25 * n)),
      [{ what: 'acquisitions', values: '0, 1, 2, 3' }],
    ],
    [
      'two acquisitions that only a pause tells',
      stack(8, i => ({ AcquisitionTime: time(36000 + i + (i < 4 ? 0 : 90)) })),
      [{ what: 'acquisitions', values: '' }],
    ],
    [
      'two irradiations',
      stack(8, i => ({ IrradiationEventUID: i < 4 ? '1.1' : '1.2' })),
      [{ what: 'acquisitions', values: '1.1, 1.2' }],
    ],
    ['two tube voltages', both({ KVP: 80 }), [{ what: 'tube voltages', values: '120 kV, 80 kV' }]],
    ['two thicknesses', both({ SliceThickness: 1 }), [{ what: 'slice thicknesses', values: '1 mm, 5 mm' }]],
    [
      'reformats among originals',
      both({ ImageType: ['DERIVED', 'PRIMARY', 'AXIAL'] }),
      [{ code: 'derived-source' }, { what: 'image types' }],
    ],
    [
      'two scanners',
      both({ ManufacturerModelName: 'Other' }),
      [{ what: 'scanners', values: 'none stated, Other' }],
    ],
    [
      'many kernels, of which some are named',
      stack(7, i => ({ ConvolutionKernel: `B${i + 1}0f` })),
      [{ what: 'kernels', values: 'B10, B20, B30, B40, 3 more' }],
    ],
  ])('%s', (_name, instances, expected) => expect(warningsOf(instances)).toMatchObject(expected));

  test.each<[string, number[], Partial<Warning>[]]>([
    ['a slice twice', [0, 5, 5, 10], [{ code: 'positions-repeated', slices: 1 }]],
    ['all slices twice', [0, 0, 5, 5], [{ code: 'positions-repeated', slices: 2 }]],
    ['a slice missing', [0, 5, 10, 20, 25], [{ code: 'slices-missing', gaps: 1, slices: 1 }]],
    ['two gaps', [0, 5, 10, 20, 25, 50], [{ code: 'slices-missing', gaps: 2, slices: 5 }]],
    [
      'a slice twice and another missing',
      [0, 5, 5, 10, 20, 25],
      [{ code: 'slices-missing', gaps: 1 }, { code: 'positions-repeated' }],
    ],
  ])('%s', (_name, positions, expected) =>
    expect(warningsOf(positions.map((z, i) => at(z, { InstanceNumber: i })))).toMatchObject(expected),
  );
  test('a missing slice of a tilted or sagittal stack', () => {
    const tilted = [0, 5, 10, 20, 25].map(z =>
      at(z, {
        ImageOrientationPatient: [1, 0, 0, 0, Math.cos(0.3), -Math.sin(0.3)],
        ImagePositionPatient: [0, z * Math.sin(0.3), z * Math.cos(0.3)],
      }),
    );
    expect(warningsOf(tilted)).toMatchObject([{ code: 'slices-missing', gaps: 1 }]);
    const sagittal = [0, 5, 10, 20, 25].map(x =>
      at(x, { ImageOrientationPatient: [0, 1, 0, 0, 0, -1], ImagePositionPatient: [x, 0, 0] }),
    );
    expect(warningsOf(sagittal)).toMatchObject([{ code: 'slices-missing', gaps: 1 }]);
  });
  test('pixels that are not square, once for all slices', () => {
    expect(warningsOf(stack(4, () => ({ PixelSpacing: [0.7, 0.9] })))).toEqual([
      { kind: 'warning', code: 'pixels-not-square', rowMm: 0.7, columnMm: 0.9 },
    ]);
  });
});
