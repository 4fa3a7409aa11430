import { describe as textOf, type Fault, type Notice } from './index';

/** One of each code; the compiler complains when a code is added and not named here. */
const EXAMPLES: { readonly [Code in Notice['code']]: Extract<Notice, { code: Code }> } = {
  'empty-series': { kind: 'refusal', code: 'empty-series' },
  'not-ct': { kind: 'refusal', code: 'not-ct', modality: 'MR' },
  'wrong-sop-class': { kind: 'refusal', code: 'wrong-sop-class', sopClassUid: '1.2.840.10008.5.1.4.1.1.7' },
  localizer: { kind: 'refusal', code: 'localizer' },
  'multi-frame': { kind: 'refusal', code: 'multi-frame', frames: 40 },
  colour: { kind: 'refusal', code: 'colour', photometricInterpretation: 'RGB' },
  'not-hu': { kind: 'refusal', code: 'not-hu', reason: 'rescale-type', detail: 'US' },
  'already-denoised': { kind: 'refusal', code: 'already-denoised' },
  'mixed-geometry': { kind: 'refusal', code: 'mixed-geometry', attribute: 'PixelSpacing' },
  'missing-attribute': { kind: 'refusal', code: 'missing-attribute', keyword: 'ImagePositionPatient' },
  'invalid-attribute': { kind: 'refusal', code: 'invalid-attribute', keyword: 'RescaleSlope', value: '0' },
  'too-small': { kind: 'refusal', code: 'too-small', rows: 16, columns: 8 },
  undecodable: { kind: 'refusal', code: 'undecodable', transferSyntaxUid: '1.2.840.10008.1.2.4.102' },
  'no-series': { kind: 'refusal', code: 'no-series' },
  'not-denoised': { kind: 'refusal', code: 'not-denoised' },
  incomplete: { kind: 'refusal', code: 'incomplete', done: 12, total: 40 },
  'nothing-removed': { kind: 'refusal', code: 'nothing-removed' },
  'no-archive': { kind: 'refusal', code: 'no-archive' },
  'not-measured': { kind: 'refusal', code: 'not-measured' },
  'measured-live': { kind: 'refusal', code: 'measured-live' },
  'no-folder-access': { kind: 'refusal', code: 'no-folder-access' },
  'kernel-outside-domain': { kind: 'warning', code: 'kernel-outside-domain', kernel: 'B70f' },
  'thickness-outside-domain': { kind: 'warning', code: 'thickness-outside-domain', sliceThicknessMm: 10 },
  'body-part-outside-domain': { kind: 'warning', code: 'body-part-outside-domain', bodyPart: 'HEAD' },
  'age-outside-domain': { kind: 'warning', code: 'age-outside-domain', ageYears: 3 },
  'kvp-outside-domain': { kind: 'warning', code: 'kvp-outside-domain', kvp: 70 },
  'spacing-outside-model': { kind: 'refusal', code: 'spacing-outside-model', spacingMm: 9 },
  'spacing-outside-domain': {
    kind: 'warning',
    code: 'spacing-outside-domain',
    spacingMm: 9,
    neighbours: 'not used',
  },
  'slices-missing': { kind: 'warning', code: 'slices-missing', gaps: 2, slices: 5 },
  'spectral-outside-domain': { kind: 'warning', code: 'spectral-outside-domain', words: '50 keV' },
  'head-outside-domain': { kind: 'warning', code: 'head-outside-domain', diameterMm: 150 },
  'small-body-outside-domain': { kind: 'warning', code: 'small-body-outside-domain', diameterMm: 150 },
  'cut-off-outside-domain': { kind: 'warning', code: 'cut-off-outside-domain', percent: 97 },
  'series-mixed': { kind: 'warning', code: 'series-mixed', what: 'kernels', values: 'B30, B70' },
  'positions-repeated': { kind: 'warning', code: 'positions-repeated', slices: 2 },
  'pixels-not-square': { kind: 'warning', code: 'pixels-not-square', rowMm: 0.5, columnMm: 0.7 },
  'slices-interrupted': { kind: 'warning', code: 'slices-interrupted', parts: 3 },
  'lossy-source': { kind: 'warning', code: 'lossy-source', method: 'ISO_10918_1' },
  'derived-source': { kind: 'warning', code: 'derived-source', imageType: 'DERIVED\\SECONDARY' },
  'image-type-missing': { kind: 'warning', code: 'image-type-missing' },
  'model-download': { kind: 'fault', code: 'model-download', url: 'https://host/m.onnx', status: 503 },
  'model-hash': { kind: 'fault', code: 'model-hash', url: 'https://host/m.onnx' },
  'model-manifest': {
    kind: 'fault',
    code: 'model-manifest',
    url: 'https://host/manifest.json',
    detail: 'not JSON',
  },
  configuration: { kind: 'fault', code: 'configuration', detail: 'threads is not a count' },
  'no-provider': { kind: 'fault', code: 'no-provider', detail: 'This browser has no WebGPU.' },
  'self-test': {
    kind: 'fault',
    code: 'self-test',
    provider: 'webgpu',
    maxErrorHu: 3.71,
    rows: 512,
    columns: 512,
  },
  'device-lost': { kind: 'fault', code: 'device-lost', provider: 'webgpu' },
  'engine-hang': { kind: 'fault', code: 'engine-hang', provider: 'wasm', seconds: 180 },
  inference: { kind: 'fault', code: 'inference', provider: 'cpu' },
  'bad-output': { kind: 'fault', code: 'bad-output', what: 'out-of-range' },
  'bad-input': { kind: 'fault', code: 'bad-input', what: 'not-finite' },
  'runtime-load': { kind: 'fault', code: 'runtime-load', url: 'https://host/ort/ort.webgpu.min.mjs' },
  'neighbour-unavailable': { kind: 'fault', code: 'neighbour-unavailable', sopInstanceUid: '1.2.3' },
  'source-changed': {
    kind: 'fault',
    code: 'source-changed',
    sopInstanceUid: '1.2.3',
    what: 'its content has changed',
  },
  'source-unavailable': { kind: 'fault', code: 'source-unavailable', sopInstanceUid: '1.2.3' },
  'source-header': { kind: 'fault', code: 'source-header', sopInstanceUid: '1.2.3' },
  'unreadable-dicom': { kind: 'fault', code: 'unreadable-dicom', what: 'no DICM prefix' },
  'derive-worker': { kind: 'fault', code: 'derive-worker', detail: 'the script did not load' },
  'memory-budget': { kind: 'fault', code: 'memory-budget', neededMiB: 2048, allowedMiB: 1024 },
  'store-unreachable': { kind: 'fault', code: 'store-unreachable', url: 'https://pacs/dicomweb' },
  'store-refused': { kind: 'fault', code: 'store-refused', status: 401 },
  'store-incomplete': { kind: 'fault', code: 'store-incomplete', stored: 39, failed: 1 },
  'store-mismatch': { kind: 'fault', code: 'store-mismatch', sopInstanceUid: '1.2.3' },
  'store-journal': { kind: 'fault', code: 'store-journal', what: 'the disk is full' },
  'save-folder': { kind: 'fault', code: 'save-folder', what: 'disk full' },
  'save-cancelled': { kind: 'fault', code: 'save-cancelled', what: 'store' },
  'guard-lesions': {
    kind: 'fault',
    code: 'guard-lesions',
    diameterMm: 5,
    contrastHu: 20,
    strengthPercent: 100,
    keptPercent: 32,
    keepingPercent: 14,
  },
  'guard-texture': { kind: 'fault', code: 'guard-texture', addedPercent: 72 },
  'guard-edges': { kind: 'fault', code: 'guard-edges', keptPercent: 71 },
  'guard-tissue': { kind: 'fault', code: 'guard-tissue', tissue: 'soft', changeHu: 5.1, limitHu: 3 },
  'guard-region': {
    kind: 'fault',
    code: 'guard-region',
    sopInstanceUid: '1.2.3',
    row: 255,
    column: 191,
    changeHu: -28.4,
  },
  'still-shown': { kind: 'fault', code: 'still-shown', seconds: 10 },
  internal: { kind: 'fault', code: 'internal', detail: 'TypeError: x' },
  cancelled: { kind: 'fault', code: 'cancelled' },
};

describe.each(Object.values(EXAMPLES))('$code', notice => {
  const text = textOf(notice);
  test('says what happened, what was kept and what to do, in whole sentences', () => {
    for (const part of [text.happened, text.kept, text.todo]) {
      expect(part).toMatch(/^[A-Z0-9].*[.]$/);
      expect(part).not.toMatch(/undefined|null|NaN|\[object|\.\.|\s\s/);
    }
  });
  test('names the value that caused it', () => {
    const unspoken = ['kind', 'code', 'reason', 'what', 'provider', 'detail'];
    const spoken = Object.entries(notice).filter(([key]) => !unspoken.includes(key));
    for (const [, value] of spoken) {
      const words = String(value).replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
      expect([text.happened.includes(words) || text.happened.includes(String(value)), value]).toEqual(
        value === 3.71 ? [false, 3.71] : [true, value], // Said with one decimal.
      );
    }
  });
});

test('what is not stated is said so', () => {
  expect(textOf({ kind: 'warning', code: 'kernel-outside-domain', kernel: '' }).happened).toBe(
    'The reconstruction kernel is not stated.',
  );
  expect(textOf({ kind: 'warning', code: 'thickness-outside-domain', sliceThicknessMm: null }).happened).toBe(
    'The slice thickness is not stated.',
  );
  expect(
    textOf({
      kind: 'fault',
      code: 'self-test',
      provider: 'webgpu',
      maxErrorHu: 3.71,
      rows: 512,
      columns: 512,
    }).happened,
  ).toContain('3.7 HU in a test slice of 512 x 512 pixels');
  expect(
    textOf({
      kind: 'fault',
      code: 'self-test',
      provider: 'webgpu',
      maxErrorHu: Number.POSITIVE_INFINITY,
      rows: 64,
      columns: 64,
    }).happened,
  ).toContain('not numbers');
});

test('a cancelled save says what is left of it, and does not send to Denoise', () => {
  for (const what of ['zip', 'folder', 'store'] as const) {
    const { happened, kept, todo } = textOf({ kind: 'fault', code: 'save-cancelled', what });
    expect(happened).toBe('Saving was cancelled.');
    expect(kept).toMatch({ zip: /No file/, folder: /in the folder/, store: /in the archive/ }[what]);
    expect(todo).not.toContain('Denoise');
  }
});

test('no answer is not called a slow slice: it may have been the model being loaded', () => {
  const { happened } = textOf({ kind: 'fault', code: 'engine-hang', provider: 'webgpu', seconds: 300 });
  expect(happened).toBe('The graphics card (WebGPU) did not answer within 300 s.');
});

describe('an archive that does not give what is asked', () => {
  const source = (status?: number) =>
    textOf({
      kind: 'fault',
      code: 'source-unavailable',
      sopInstanceUid: '1.2.3',
      ...(status === undefined ? {} : { status }),
    });
  test.each([
    [0, 'the archive does not answer', /^This may pass/],
    [401, 'asks for a login', /^Log in again/],
    [403, 'refuses to give it (HTTP 403)', /^This will not pass by itself/],
    [404, 'does not have it (HTTP 404)', /^This will not pass by itself/],
    [429, 'answers HTTP 429', /^This may pass/],
    [503, 'has trouble (HTTP 503)', /^This may pass/],
  ])('HTTP %i: %s', (status, why, todo) => {
    expect(source(status).happened).toContain(why);
    expect(source(status).todo).toMatch(todo);
  });
  test('an image may be named otherwise than by its UID, which room cuts in half', () => {
    const fault: Fault = { kind: 'fault', code: 'source-unavailable', sopInstanceUid: '1.2.3', status: 0 };
    expect(textOf(fault, uid => (uid === '1.2.3' ? 'slice 7' : '')).happened).toBe(
      'The pixels of slice 7 could not be loaded: the archive does not answer.',
    );
  });
});
