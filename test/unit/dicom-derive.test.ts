import { createHash } from 'node:crypto';
import { judgeSeries } from '../../src/ct';
import {
  decodeFrame,
  deriveInstance,
  derivedSeriesInstanceUid,
  naturalize,
  parsePart10,
  seriesMomentOf,
  type DeriveInput,
  type ParsedInstance,
} from '../../src/dicom';
import { items, textOf } from '../conformance/silent-rules';
import { part10, text, tinyCt, us, type Dataset, type TinyCt } from '../conformance/part10';
import { createdAt, derive, item, provenance, SIZE, value, wordsOf } from './dicom-fixtures';

/* Row by row, the table of docs/dicom-conformance.md section 5; what is dropped and kept is in dicom-derive-kept.test.ts. */

describe('image type', () => {
  test.each([
    ['ORIGINAL\\PRIMARY\\AXIAL', 'DERIVED\\SECONDARY\\AXIAL'],
    ['ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI', 'DERIVED\\SECONDARY\\AXIAL\\CT_SOM5 SPI'],
    ['DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE', 'DERIVED\\SECONDARY\\REFORMATTED\\AVERAGE'],
    ['ORIGINAL\\PRIMARY', 'DERIVED\\SECONDARY\\AXIAL'],
    ['ORIGINAL\\PRIMARY\\\\CT_SOM5 SPI', 'DERIVED\\SECONDARY\\AXIAL\\CT_SOM5 SPI'],
    ['ORIGINAL\\PRIMARY\\AXIAL\\Sch\xe4del', 'DERIVED\\SECONDARY\\AXIAL\\'],
  ])('%s becomes %s', async (source, derived) => {
    expect(value(await derive({ changes: { 0x00080008: text('CS', source) } }), 0x00080008)).toBe(derived);
  });
  test('is made where there is none', async () => {
    expect(value(await derive({ changes: { 0x00080008: undefined } }), 0x00080008)).toBe(
      'DERIVED\\SECONDARY\\AXIAL',
    );
  });
});

describe('UIDs', () => {
  const uid = async (ct: TinyCt, changes: Partial<DeriveInput> = {}) =>
    value(await derive(ct, changes), 0x00080018);
  test('do not depend on when, nor on the HU', async () => {
    const later = { createdAt: new Date(0), hu: new Float32Array(SIZE) };
    expect(await uid({}, later)).toBe(await uid({}));
  });
  test.each([
    ['strength', { strength: 0.51 }],
    ['model', { model: { ...provenance.model, sha256: 'cd'.repeat(32) } }],
    ['provider', { provider: 'webgpu' }],
    ['precision', { precision: 'fp16' }],
    ['code version', { codeVersion: '0.1.1' }],
    ['parameters', { parameters: { tile: 256 } }],
  ])('change with the %s, of instance and series', async (_name, change) => {
    const changed = await derive({}, { provenance: { ...provenance, ...change } });
    const same = await derive();
    expect(value(changed, 0x00080018)).not.toBe(value(same, 0x00080018));
    expect(value(changed, 0x0020000e)).not.toBe(value(same, 0x0020000e));
  });
  test('do not depend on the order of parameters', async () => {
    const one = { ...provenance, parameters: { a: 1, b: 2 } };
    const other = { ...provenance, parameters: { b: 2, a: 1 } };
    expect(await uid({}, { provenance: one })).toBe(await uid({}, { provenance: other }));
  });
  test('the instance’s changes with the source’s pixels and UID, the series’ does not', async () => {
    const stored = new Uint16Array(SIZE).fill(7);
    const pixels = await derive({ stored });
    const instance = await derive({ changes: { 0x00080018: text('UI', '1.2.9') } });
    const same = await derive();
    expect(new Set([pixels, instance, same].map(each => value(each, 0x00080018))).size).toBe(3);
    expect(new Set([pixels, instance, same].map(each => value(each, 0x0020000e))).size).toBe(1);
  });
  test('the series’ is known beforehand', async () => {
    const source = '1.2.826.0.1.3680043.9.1.1';
    expect(derivedSeriesInstanceUid(source, provenance)).toBe(value(await derive(), 0x0020000e));
  });
  test('are what Python’s uuid5 makes of the documented name, today and in every later release', async () => {
    expect(derivedSeriesInstanceUid('1.2.3', provenance)).toBe(
      '2.25.280343668472212146963020917046717226382',
    );
  });
  test('are the same where Web Crypto is absent, as on plain HTTP', async () => {
    const withCrypto = await uid({});
    const crypto = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
    Object.defineProperty(globalThis, 'crypto', { value: undefined, configurable: true });
    try {
      expect(await uid({})).toBe(withCrypto);
    } finally {
      Object.defineProperty(globalThis, 'crypto', crypto);
    }
  });
  test('a source without a UID is refused', async () => {
    await expect(derive({ changes: { 0x00080018: undefined } })).rejects.toMatchObject({
      notice: { code: 'unreadable-dicom' },
    });
  });
});

describe('dates', () => {
  test.each([
    ['+0200', '20260702', '013000', '20260702013000+0200'],
    ['-0800', '20260701', '153000', '20260701153000-0800'],
    ['+0545', '20260702', '051500', '20260702051500+0545'],
  ])('are now in the source’s zone %s', async (zone, date, time, dateTime) => {
    const derived = await derive({ changes: { 0x00080201: text('SH', zone) } });
    for (const tag of [0x00080012, 0x00080021, 0x00080023]) expect(value(derived, tag)).toBe(date);
    for (const tag of [0x00080013, 0x00080031, 0x00080033]) expect(value(derived, tag)).toBe(time);
    expect(textOf(items(derived.dataset, 0x0018a001).at(-1)!, 0x0018a002)).toBe(dateTime);
    expect(value(derived, 0x00080201)).toBe(zone);
  });
  test.each([[undefined], [text('SH', '+2')], [text('SH', '+9900')]])(
    'and in this computer’s without a valid one',
    async zone => {
      const derived = await derive({ changes: { 0x00080201: zone } });
      const here = new Date(createdAt.getTime() - createdAt.getTimezoneOffset() * 60_000).toISOString();
      expect(value(derived, 0x00080012)).toBe(here.slice(0, 10).replaceAll('-', ''));
    },
  );
  test('of study and acquisition are kept', async () => {
    const derived = await derive({ changes: { 0x00080022: text('DA', '20200102') } });
    expect([value(derived, 0x00080020), value(derived, 0x00080022)]).toEqual(['20200101', '20200102']);
  });
});

describe('series number and description', () => {
  // Strength 50 %.
  test.each([
    ['3', '30500'],
    ['', '500'],
    ['x', '500'],
    ['-5', '500'],
    ['214747', '2147470500'],
    // 2147490500 would be no IS.
    ['214749', '215249'],
    ['2147483600', '2147483147'],
    ['99999999999', '2147483147'],
    ['0x10', '500'],
  ])('number %s becomes %s', async (source, derived) => {
    expect(value(await derive({ changes: { 0x00200011: text('IS', source) } }), 0x00200011)).toBe(derived);
  });
  test('each strength has a number and a description of its own', async () => {
    const at = async (strength: number) => {
      const derived = await derive({}, { provenance: { ...provenance, strength } });
      return [value(derived, 0x00200011), value(derived, 0x0008103e).slice(0, 34)];
    };
    const all = await Promise.all([1, 0.995, 0.99, 0.5, 0.005].map(at));
    for (const part of [0, 1]) expect(new Set(all.map(one => one[part])).size).toBe(5);
    expect(all[1]![1]).toBe('ISCL DENOISED 99.5 % test-model 1.');
  });
  test('our tag survives the cut', async () => {
    const long = 'Thorax with a description that nobody will ever read to its very end';
    const described = value(await derive({ changes: { 0x0008103e: text('LO', long) } }), 0x0008103e);
    expect(described).toBe('ISCL DENOISED 50 % test-model 1.0.0: Thorax with a description t');
    expect(described.length).toBe(64);
  });
  test("a long model's name leaves room for the source's words, and its version is whole", async () => {
    const model = {
      ...provenance.model,
      name: 'Hospital chest net for thin slices (tuned)',
      version: '12.3.4',
    };
    const changes = { 0x0008103e: text('LO', 'Thorax 1 mm') };
    expect(value(await derive({ changes }, { provenance: { ...provenance, model } }), 0x0008103e)).toBe(
      'ISCL DENOISED 50 % Hospital chest 12.3.4: Thorax 1 mm',
    );
  });
  const describedIn = async (characterSet: string, bytes: Buffer) => {
    const changes = { 0x00080005: text('CS', characterSet), 0x0008103e: { vr: 'LO', value: bytes } };
    return Buffer.from(value(await derive({ changes }), 0x0008103e), 'latin1');
  };
  const OURS = 'ISCL DENOISED 50 % test-model 1.0.0';
  test('text of several bytes a character is kept by characters, not by bytes', async () => {
    // 27 characters are left beside ours: these are 27, in 54 bytes and more.
    const utf8 = await describedIn('ISO_IR 192', Buffer.from('é'.repeat(27), 'utf8'));
    expect(utf8.toString('utf8')).toBe(`${OURS}: ${'é'.repeat(27)}`);
    const kanji = '\x1b$B' + 'AB'.repeat(25) + '\x1b(B';
    expect((await describedIn('\\ISO 2022 IR 87', Buffer.from(kanji, 'latin1'))).toString('latin1')).toBe(
      `${OURS}: ${kanji}`,
    );
  });
  test('and never cut inside a character', async () => {
    const utf8 = await describedIn('ISO_IR 192', Buffer.from('山'.repeat(60), 'utf8'));
    expect(utf8.toString('utf8')).toBe(`${OURS}: ${'山'.repeat(27)}`);
    const kanji = '\x1b$B' + 'AB'.repeat(60) + '\x1b(B';
    expect((await describedIn('\\ISO 2022 IR 87', Buffer.from(kanji, 'latin1'))).toString('latin1')).toBe(
      OURS,
    );
  });
  test('text that never leaves its escape sequence comes behind ours, and is kept', async () => {
    for (const [characterSet, described] of [
      ['\\ISO 2022 IR 87', 'CT \x1b$BABCD'],
      ['\\ISO 2022 IR 149', '\x1b$)C\xb1\xe8 CT'],
    ] as const) {
      expect((await describedIn(characterSet, Buffer.from(described, 'latin1'))).toString('latin1')).toBe(
        `${OURS}: ${described}`,
      );
    }
  });
  test('in a derivation, where ours comes behind, it would make ours unreadable, and is left out', async () => {
    const derivedIn = async (before: string) => {
      const changes = {
        0x00080005: text('CS', '\\ISO 2022 IR 87'),
        0x00082111: { vr: 'ST', value: Buffer.from(before, 'latin1') },
      };
      return value(await derive({ changes }), 0x00082111);
    };
    expect(await derivedIn('CT \x1b$BABCD')).toMatch(/^Neural network/);
    expect(await derivedIn('CT \x1b$BABCD\x1b(B')).toMatch(/^CT .*; then: Neural network/s);
  });
  test('short text keeps its bytes', async () => {
    const changes = { 0x0008103e: { vr: 'LO', value: Buffer.from('Sch\xe4del ', 'latin1') } };
    expect(value(await derive({ changes }), 0x0008103e)).toBe(`${OURS}: Sch\xe4del`);
  });
});

describe('derivation', () => {
  test('the description names model, hash, strength, provider, purpose and warnings', async () => {
    const described = value(
      await derive(
        {},
        {
          provenance: {
            ...provenance,
            warnings: [{ kind: 'warning', code: 'kernel-outside-domain', kernel: 'B70f' }],
          },
        },
      ),
      0x00082111,
    );
    for (const part of [
      'test-model 1.0.0',
      'ab'.repeat(32),
      '50 %',
      'wasm',
      'fp32',
      'Not for diagnostic use',
      'kernel-outside-domain (B70f)',
    ]) {
      expect(described).toContain(part);
    }
    expect(described.length).toBeLessThanOrEqual(1024);
  });
  test('what was done before comes first', async () => {
    const code = item([
      [0x00080100, text('SH', '113085')],
      [0x00080102, text('SH', 'DCM')],
      [0x00080104, text('LO', 'Spatial resampling')],
    ]);
    const derived = await derive({
      changes: { 0x00082111: text('ST', 'Resampled'), 0x00089215: { vr: 'SQ', items: [code] } },
    });
    expect(value(derived, 0x00082111)).toMatch(/^Resampled; then: Neural network/);
    const codes = items(derived.dataset, 0x00089215).map(each =>
      [0x00080100, 0x00080102, 0x00080104, 0x00080120].map(tag => textOf(each, tag)),
    );
    expect(codes).toEqual([
      ['113085', 'DCM', 'Spatial resampling', ''],
      ['113087', 'DCM', 'Smoothing', ''],
      ['', '99ISCL', 'Neural network noise reduction', 'urn:oid:2.25.47689843220589786711869098775405458573'],
    ]);
  });
  test('is known again and refused', async () => {
    expect(judgeSeries([naturalize(await derive())], null)).toMatchObject({
      reasons: [{ code: 'already-denoised' }],
    });
  });
  describe('of a model that reads neighbouring slices', () => {
    const own = '1.2.826.0.1.3680043.9.1.1.1';
    const read = (sopInstanceUid: string, pixelHash: string) => ({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
      sopInstanceUid,
      pixelHash,
    });
    const slab = (inputs: [string, string][], output = 0): Partial<DeriveInput> => ({
      slab: { inputs: inputs.map(input => read(...input)), output },
      provenance: {
        ...provenance,
        model: { ...provenance.model, slab: { inputs: 3, outputs: 1, slices: 'all' } },
      },
    });
    const usual: [string, string][] = [
      [own, 'a'],
      [own, 'a'],
      ['1.2.77', 'b'],
    ];

    test('neighbours are sources too, each once, and listed in the source series', async () => {
      const { dataset } = await derive({}, slab(usual));
      const sources = items(dataset, 0x00082112).map(each => textOf(each, 0x00081155));
      const listed = items(items(dataset, 0x00081115)[0]!, 0x0008114a).map(each => textOf(each, 0x00081155));
      expect(sources).toEqual([own, '1.2.77']);
      expect(listed).toEqual(sources);
    });
    test('the derivation and the equipment say how many', async () => {
      const { dataset } = await derive({}, slab(usual));
      expect(textOf(dataset, 0x00082111)).toContain('reads 3 neighbouring slices');
      const versions = items(dataset, 0x0018a001).map(each => textOf(each, 0x00181020));
      expect(versions.at(-1)).toMatch(/\\3 slices in, 1 out$/);
    });
    test('another neighbour, other pixels of one, another place in the slab: another UID', async () => {
      const uidOf = async (changes: Partial<DeriveInput>) =>
        textOf((await derive({}, changes)).dataset, 0x00080018);
      const uids = await Promise.all(
        [
          {},
          slab(usual),
          slab([...usual.slice(0, 2), ['1.2.78', 'b']]),
          slab([...usual.slice(0, 2), ['1.2.77', 'c']]),
          slab([usual[2]!, usual[0]!, usual[1]!]),
          slab(usual, 1),
        ].map(uidOf),
      );
      expect(new Set(uids).size).toBe(uids.length);
      expect(await uidOf(slab(usual))).toBe(uids[1]);
      expect(await uidOf({ slab: null })).toBe(uids[0]);
    });
  });
  test('series that the source refers to stay listed', async () => {
    const localizer = item([
      [0x0020000e, text('UI', '1.2.55')],
      [0x0008114a, { vr: 'SQ', items: [] }],
    ]);
    const { dataset } = await derive({ changes: { 0x00081115: { vr: 'SQ', items: [localizer] } } });
    expect(items(dataset, 0x00081115).map(each => textOf(each, 0x0020000e))).toEqual([
      '1.2.55',
      '1.2.826.0.1.3680043.9.1.1',
    ]);
  });
});

describe('equipment', () => {
  const purposes = ({ dataset }: ParsedInstance) =>
    items(dataset, 0x0018a001).map(each => [
      textOf(items(each, 0x0040a170)[0]!, 0x00080100),
      textOf(each, 0x00080070),
    ]);
  test('the scanner moves into Contributing Equipment, ours takes its place', async () => {
    const derived = await derive();
    expect(purposes(derived)).toEqual([
      ['109101', 'Maker'],
      ['109102', 'ISCL'],
    ]);
    expect(textOf(items(derived.dataset, 0x0018a001)[0]!, 0x00181000)).toBe('SN1');
    expect([value(derived, 0x00080070), value(derived, 0x00081090), value(derived, 0x00181020)]).toEqual([
      'ISCL',
      'ISCL CT Denoise',
      '0.1.0',
    ]);
    expect(value(derived, 0x00181000)).toBe('');
  });
  test('existing items stay; a source that names its scanner was made by a workstation', async () => {
    const scanner = item([
      [0x00080070, text('LO', 'Scanner Maker')],
      [
        0x0040a170,
        {
          vr: 'SQ',
          items: [
            item([
              [0x00080100, text('SH', '109101')],
              [0x00080102, text('SH', 'DCM')],
            ]),
          ],
        },
      ],
    ]);
    const derived = await derive({ changes: { 0x0018a001: { vr: 'SQ', items: [scanner] } } });
    expect(purposes(derived)).toEqual([
      ['109101', 'Scanner Maker'],
      ['109102', 'Maker'],
      ['109102', 'ISCL'],
    ]);
  });
  test('no scanner is invented', async () => {
    expect(purposes(await derive({ changes: { 0x00080070: undefined } }))).toEqual([['109102', 'ISCL']]);
  });
});

describe('pixels', () => {
  test('are rounded, clamped to Bits Stored and never land on the padding value', async () => {
    const stored = Uint16Array.from({ length: SIZE }, (_, i) => 2000 + (i % 7));
    stored[5] = 24;
    const hu = new Float32Array(SIZE).fill(0.4);
    hu.set([5000, -5000, -2024, -2023.6, 10.5], 0);
    hu[5] = 77;
    const derived = await derive({ stored, intercept: '-2048', changes: { 0x00280120: us(24) } }, { hu });
    expect(wordsOf(derived, 0x7fe00010).slice(0, 7)).toEqual([4095, 0, 25, 25, 2059, 24, 2048]);
  });
  test('their hash is that of the pixels in the file', async () => {
    const derived = await deriveInstance({
      source: part10(tinyCt()),
      hu: Float32Array.from({ length: SIZE }, (_, i) => i - 1000),
      provenance,
      createdAt,
    });
    const { stored } = await decodeFrame(parsePart10(derived.part10));
    expect(derived.pixelHash).toBe(createHash('sha256').update(stored).digest('hex'));
  });
  test('with a slope the error is at most half of it', async () => {
    const hu = Float32Array.from({ length: SIZE }, (_, i) => (i % 1700) - 800.3);
    const derived = await derive({ slope: '2.0002442', intercept: '-4047', bitsStored: 12 }, { hu });
    const error = wordsOf(derived, 0x7fe00010).map((word, i) => Math.abs(word * 2.0002442 - 4047 - hu[i]!));
    expect(Math.max(...error)).toBeLessThanOrEqual(2.0002442 / 2 + 1e-3);
  });
  test('smallest and largest are those of the new pixels, with the sign of the pixels', async () => {
    const signed = { signed: true, bitsStored: 16, intercept: '0', stored: new Int16Array(SIZE) };
    const changes = { 0x00280106: us(1), 0x00280107: us(2), 0x00280108: us(1) };
    const hu = new Float32Array(SIZE).fill(3);
    hu[0] = -1500;
    const derived = await derive({ ...signed, changes }, { hu });
    expect([wordsOf(derived, 0x00280106), wordsOf(derived, 0x00280107)]).toEqual([[-1500], [3]]);
    expect(derived.dataset.has(0x00280108)).toBe(false);
    expect((await derive()).dataset.has(0x00280106)).toBe(false);
  });
  test('of another number are refused', async () => {
    await expect(derive({}, { hu: new Float32Array(9) })).rejects.toThrow(RangeError);
  });
  test.each([NaN, Infinity, -Infinity])('that are %p HU are refused, but under the padding', async wrong => {
    const hu = new Float32Array(SIZE);
    hu[5] = wrong;
    await expect(derive({}, { hu })).rejects.toThrow('not finite');
    const stored = new Uint16Array(SIZE).fill(1000);
    stored[5] = 24;
    const derived = await derive({ stored, intercept: '-2048', changes: { 0x00280120: us(24) } }, { hu });
    expect(wordsOf(derived, 0x7fe00010)[5]).toBe(24);
  });
  test('a strength beyond 1 is refused', async () => {
    await expect(derive({}, { provenance: { ...provenance, strength: 1.2 } })).rejects.toThrow(RangeError);
  });
});

describe('a series that is made in two runs', () => {
  const file = async (changes: Dataset = new Map()) =>
    part10(new Map([...(await derive()).dataset, ...changes]));
  test('has the Series Date and Time of the first, and the dates of the second on what it made', async () => {
    const seriesMoment = seriesMomentOf(await file());
    const first = await derive();
    expect(seriesMoment).toEqual({ date: value(first, 0x00080021), time: value(first, 0x00080031) });
    const later = await derive({}, { createdAt: new Date('2027-03-02T12:04:05Z'), seriesMoment });
    for (const tag of [0x00080021, 0x00080031]) expect(value(later, tag)).toBe(value(first, tag));
    for (const tag of [0x00080012, 0x00080023]) expect(value(later, tag)).toBe('20270302');
  });
  test('of a file that is damaged, or names no moment, nothing is known', async () => {
    expect(seriesMomentOf((await file()).subarray(0, 397))).toBeNull();
    expect(seriesMomentOf(await file(new Map([[0x00080031, text('TM', '25 o clock')]])))).toBeNull();
    expect(seriesMomentOf(await file(new Map([[0x00080021, text('DA', '')]])))).toBeNull();
  });
});
