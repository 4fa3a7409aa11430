import type { EngineInfo } from '../../src/engine';
import type { GuardReport } from '../../src/guard';
import { qualityReport, reportHtml, type ReportInput } from './quality-report';

const engine = {
  model: { id: 'm', name: 'Model <b>', version: '1', sha256: 'ab' },
  provider: 'wasm',
  runtime: 'onnxruntime-web 1',
  precision: 'fp32',
  selfTest: { maxErrorHu: 0.0012, againstWasmHu: null, fullSizeErrorHu: null, toleranceHu: 0.05 },
} as EngineInfo;
const kept = { mean: 0.86, sd: 0.03 };
const guard = {
  looks: ['1.2.3', '1.2.4', '1.2.5'],
  noise: { regions: 60, beforeHu: 26.44, afterHu: 13.06, added: 0.2 },
  lesions: [
    {
      lesion: { diameterMm: 5, contrastHu: 20 },
      places: 9,
      contrast: kept,
      lighter: { mean: 0.88, sd: 0 },
      darker: { mean: 0.84, sd: 0 },
      detectability: 0.951,
      level: 'amber',
    },
  ],
  findings: [{ kind: 'fault', code: 'guard-edges', keptPercent: 71 }],
} as unknown as GuardReport;
const none = { pixels: 0, meanChangeHu: Number.NaN, sdRemovedHu: Number.NaN };
const input: ReportInput = {
  engine,
  createdAt: new Date(0),
  studyInstanceUid: '1.2',
  seriesInstanceUid: '1.2.9',
  slices: 40,
  strength: 0.7,
  warnings: [{ kind: 'warning', code: 'kernel-outside-domain', kernel: '<img src=x>' }],
  guard,
  removed: {
    air: none,
    lung: none,
    fat: none,
    soft: { pixels: 9, meanChangeHu: 0.04, sdRemovedHu: 20.12 },
    bone: none,
  },
  flaggedSlices: ['1.2.9.7'],
  failed: new Map([['1.2.9.8', { kind: 'fault', code: 'bad-output', what: 'not-finite' }]]),
};

test('the page holds what was measured, and nothing of it is read as HTML', () => {
  const html = reportHtml(qualityReport(input));
  for (const text of [
    '70 %',
    '26.4 HU before, 13.1 HU after',
    '5 mm, 20 HU',
    '86 % ± 3',
    '88 %',
    '84 %',
    '0.95',
    'amber',
  ])
    expect(html).toContain(text);
  for (const text of [
    '1.2.9.7',
    '1.2.9.8: For one slice',
    'strong edges keep 71 %',
    '0.0012 HU',
    'not for diagnosis',
  ])
    expect(html).toContain(text);
  expect(html).toContain('Model &#60;b&#62; 1');
  expect(html).not.toMatch(/<img|<b>|NaN|undefined|https?:/);
});

test('without a guard it says so', () => {
  const html = reportHtml(qualityReport({ ...input, guard: null }));
  expect(html).toContain('No lesion was measured');
});

test('the JSON is the same, and survives being written and read', () => {
  const report = qualityReport(input);
  const read = JSON.parse(JSON.stringify(report)) as typeof report;
  expect(read.guard).toEqual(report.guard);
  expect(read.removed.soft).toEqual(report.removed.soft);
  expect(report).toMatchObject({
    strength: 0.7,
    model: { id: 'm' },
    failed: [{ sopInstanceUid: '1.2.9.8' }],
  });
});
