import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { Bench, CT, part10, partsOf, raw, SERIES, STUDY } from './server-fixtures';

type Json = Record<string, { vr: string; Value?: unknown[]; BulkDataURI?: string; InlineBinary?: string }>;

const OTHER_STUDY = '2.25.11';
const JPEG_LS = '1.2.840.10008.1.2.4.80';
const DEFLATED = '1.2.840.10008.1.2.1.99';

describe('DICOMweb over folders', () => {
  const bench = new Bench();
  let root = '';
  const lines: string[] = [];
  const get = async (path: string): Promise<Json[]> => {
    const answer = await fetch(root + path);
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Json[];
  };
  const status = async (path: string, headers = {}) => (await fetch(root + path, { headers })).status;
  const valuesOf = (found: Json[], tag: string) => found.map(one => one[tag]?.Value?.[0]);

  beforeAll(async () => {
    for (let i = 1; i <= 3; i += 1) {
      const with_ = { InstanceNumber: i, ImagePositionPatient: [0, 0, i] };
      bench.write(`dicom/a/${i}.dcm`, part10({ sop: `2.25.30.${i}`, with: with_ }));
    }
    const second = { SeriesNumber: 4, Modality: 'SR', SeriesDescription: 'Report' };
    bench.write('dicom/a/sr.dcm', part10({ sop: '2.25.31', series: '2.25.21', with: second }));
    const patient = {
      PatientName: 'Müller^Änne=山田^太郎',
      PatientID: 'P2',
      StudyDate: '20230615',
      StudyDescription: 'Abdomen',
    };
    const multiFrame = {
      ...patient,
      NumberOfFrames: 2,
      OverlayData: new Uint8Array(2000).fill(7).buffer,
      _vrMap: { PixelData: 'OB', OverlayData: 'OW' },
      RequestAttributesSequence: [{ ScheduledProcedureStepDescription: 'Änderung' }],
    };
    bench.write(
      'dicom/no-extension',
      part10({
        sop: '2.25.32',
        series: '2.25.22',
        study: OTHER_STUDY,
        transferSyntax: JPEG_LS,
        fragments: [Uint8Array.of(255, 216, 1, 2), Uint8Array.of(255, 216, 3, 4, 5, 6)],
        with: multiFrame,
      }),
    );
    const plain = part10({
      sop: '2.25.33',
      series: '2.25.23',
      study: OTHER_STUDY,
      transferSyntax: DEFLATED,
      with: patient,
    });
    const dataSetAt = 144 + plain.readUInt32LE(140);
    bench.write(
      'dicom/deflated.dcm',
      Buffer.concat([plain.subarray(0, dataSetAt), deflateRawSync(plain.subarray(dataSetAt))]),
    );
    // What must not be served and must not stop the rest.
    bench.write('dicom/bad/cut.dcm', part10({ sop: '2.25.40' }).subarray(0, -10));
    bench.write('dicom/bad/header.dcm', part10({ sop: '2.25.41' }).subarray(0, 300));
    bench.write('dicom/bad/text.dcm', 'this is no DICOM');
    bench.write('dicom/bad/twin.dcm', part10({ sop: '2.25.30.1' }));
    bench.write('dicom/bad/uid.dcm', part10({ sop: '2.25.42', series: '../../etc' }));
    bench.write('dicom/README.md', 'notes');
    bench.write('outside.dcm', part10({ sop: '2.25.50', study: '2.25.99' }));
    symlinkSync(join(bench.folder, 'outside.dcm'), join(bench.folder, 'dicom/link.dcm'));
    root = `${(await bench.start({ log: line => lines.push(line) })).url}dicomweb`;
  });
  afterAll(() => bench.close());

  describe('index', () => {
    it('lists every file it could not use, with a reason, and serves the rest', async () => {
      const { problems } = (await (await fetch(`${root}/_problems`)).json()) as {
        problems: { path: string; problem: string }[];
      };
      expect(problems.every(({ path }) => path.startsWith('dicom/'))).toBe(true);
      const found = Object.fromEntries(problems.map(({ path, problem }) => [path.split('/').pop(), problem]));
      expect(found).toEqual({
        'cut.dcm': 'the file is cut off: 10 bytes of pixel data are missing',
        'header.dcm': expect.stringContaining('damaged or cut off'),
        'text.dcm': expect.stringContaining('not a DICOM Part 10 file'),
        'twin.dcm': 'not used: it has the SOP Instance UID of 1.dcm',
        'uid.dcm': 'Series Instance UID "../../etc" is not a UID',
        'link.dcm': 'not used: symbolic links are not followed',
      });
      expect(lines).toContain('Indexed 6 images of 2 studies; 1 files are not DICOM');
    });

    it('does not follow a link out of the folder', async () => {
      expect(await get('/studies?StudyInstanceUID=2.25.99')).toEqual([]);
    });
  });

  describe('QIDO-RS', () => {
    it("answers OHIF's study list: newest first, counts, modalities", async () => {
      const query =
        '/studies?limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030';
      const found = await get(query);
      expect(valuesOf(found, '0020000D')).toEqual([STUDY, OTHER_STUDY]);
      expect(found[0]).toMatchObject({
        '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
        '00201206': { Value: [2] },
        '00201208': { Value: [4] },
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane' }] },
        '00081030': { Value: ['Chest low dose'] },
        '00100030': { Value: ['19600102'] },
        '00081190': { vr: 'UR', Value: [`${root}/studies/${STUDY}`] },
      });
    });

    it.each([
      ['PatientName=*doe*', [STUDY]],
      ['PatientName=doe', []],
      ['PatientName=Jane&fuzzymatching=true', [STUDY]],
      ['PatientName=*M%C3%BCLL*', [OTHER_STUDY]],
      ['PatientName=*%E5%B1%B1%E7%94%B0*', [OTHER_STUDY]],
      // One component group of the two is enough.
      ['PatientName=m%C3%BCller%5E%C3%84nne', [OTHER_STUDY]],
      ['PatientName=%E5%B1%B1%E7%94%B0%5E%E5%A4%AA%E9%83%8E', [OTHER_STUDY]],
      ['PatientName=D*%5E*J?n*', [STUDY]],
      ['StudyTime=1000-1030', [STUDY, OTHER_STUDY]],
      ['00100020=*P1*', [STUDY]],
      ['PatientID=P%3F', [STUDY, OTHER_STUDY]],
      ['PatientID=P.', []],
      ['StudyDate=20240101-20241231', [STUDY]],
      ['StudyDate=-20231231', [OTHER_STUDY]],
      ['StudyDate=20230615-', [STUDY, OTHER_STUDY]],
      ['StudyDate=20240131', [STUDY]],
      ['StudyDescription=*ABDO*', [OTHER_STUDY]],
      ['AccessionNumber=*A1*', [STUDY, OTHER_STUDY]],
      ['ModalitiesInStudy=SR', [STUDY]],
      ['ModalitiesInStudy=MR%2CSR', [STUDY]],
      ['ModalitiesInStudy=PT', []],
      [`StudyInstanceUID=${STUDY}%5C${OTHER_STUDY}`, [STUDY, OTHER_STUDY]],
      [`StudyInstanceUID=${STUDY}%2C9.9`, [STUDY]],
      ['limit=1', [STUDY]],
      ['limit=1&offset=1', [OTHER_STUDY]],
      ['offset=7', []],
      ['PatientName=', [STUDY, OTHER_STUDY]],
    ])('studies?%s', async (query, expected) => {
      expect(valuesOf(await get(`/studies?${query}`), '0020000D')).toEqual(expected);
    });

    it.each([
      'limit=x',
      'limit=-1',
      'offset=1.5',
      'NoSuchAttribute=1',
      'includefield=Nonsense',
      'KVP=120',
      '00189999=1',
      'StudyDate=2024-01-31',
      'StudyDate=yesterday',
      'StudyTime=10:15',
    ])('refuses studies?%s rather than show everything', async query => {
      expect(await status(`/studies?${query}`)).toBe(400);
    });

    it('answers a search of many stars', async () => {
      // A regular expression of these would be tried for longer than anybody waits.
      const stars = `${'*a'.repeat(30)}b`;
      expect(await get(`/studies?StudyDescription=${stars}`)).toEqual([]);
      const long = new Bench();
      long.write('dicom/a.dcm', part10({ with: { StudyDescription: 'a'.repeat(64) } }));
      const { url } = await long.start();
      const answer = await fetch(`${url}dicomweb/studies?StudyDescription=${stars}`);
      expect(await answer.json()).toEqual([]);
      await long.close();
    });

    it('lists series and instances of a study, in the shape OHIF sorts and counts by', async () => {
      const series = await get(`/studies/${STUDY}/series?includefield=0008103E,00080021`);
      expect(series.map(one => [one['0020000E']?.Value?.[0], one['00201209']?.Value?.[0]]).sort()).toEqual([
        [SERIES, 3],
        ['2.25.21', 1],
      ]);
      const instances = await get(`/studies/${STUDY}/series/${SERIES}/instances?limit=2`);
      expect(instances).toHaveLength(2);
      expect(instances[0]).toMatchObject({ '00080016': { Value: [CT] }, '00280010': { Value: [4] } });
      expect(await get(`/studies/${STUDY}/instances`)).toHaveLength(4);
      expect(await get('/series?Modality=SR')).toHaveLength(1);
      expect(await get('/instances?SOPInstanceUID=2.25.30.2')).toHaveLength(1);
    });

    it('reads the file for a field that is not indexed', async () => {
      const where = `/studies/${STUDY}/series/${SERIES}/instances?limit=1`;
      const [plain] = await get(where);
      expect(plain?.['00281052']).toBeUndefined();
      const [joined] = await get(`${where}&includefield=RescaleIntercept,00280030`);
      expect(joined).toMatchObject({ '00281052': { Value: [-1024] }, '00280030': { Value: [0.7, 0.7] } });
      const [repeated] = await get(`${where}&includefield=00281052&includefield=00280030`);
      expect(repeated).toEqual(joined);
      const [all] = await get(`${where}&includefield=all`);
      expect(all).toMatchObject({ '00200032': { Value: [0, 0, expect.any(Number)] } });
    });
  });

  describe('WADO-RS metadata', () => {
    it('is the header as DICOM JSON in UTF-8', async () => {
      const [found] = await get(`/studies/${OTHER_STUDY}/series/2.25.22/metadata`);
      expect(found).toMatchObject({
        '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Änne', Ideographic: '山田^太郎' }] },
        '00280010': { vr: 'US', Value: [4] },
        '00280030': { vr: 'DS', Value: [0.7, 0.7] },
        '00400275': { vr: 'SQ', Value: [{ '00400007': { vr: 'LO', Value: ['Änderung'] } }] },
      });
      expect(found?.['00020010']).toBeUndefined();
    });

    it('links to what is large, and the link works', async () => {
      const [found] = await get(`/studies/${OTHER_STUDY}/series/2.25.22/metadata`);
      const base = `/dicomweb/studies/${OTHER_STUDY}/series/2.25.22/instances/2.25.32/bulkdata`;
      expect(found?.['7FE00010']).toEqual({ vr: 'OB', BulkDataURI: `${base}/7FE00010` });
      expect(found?.['60003000']?.BulkDataURI).toBe(`${base}/60003000`);
      const overlay = await fetch(new URL(`${base}/60003000`, root));
      expect(overlay.headers.get('content-type')).toBe('application/octet-stream');
      expect(Buffer.from(await overlay.arrayBuffer())).toEqual(Buffer.alloc(2000, 7));
    });

    it('covers a study, a series, an instance', async () => {
      expect(await get(`/studies/${STUDY}/metadata`)).toHaveLength(4);
      expect(await get(`/studies/${STUDY}/series/${SERIES}/metadata`)).toHaveLength(3);
      expect(await get(`/studies/${STUDY}/series/${SERIES}/instances/2.25.30.2/metadata`)).toHaveLength(1);
    });

    it('is not kept in the browser cache', async () => {
      const answer = await fetch(`${root}/studies/${STUDY}/metadata`);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('content-type')).toBe('application/dicom+json; charset=utf-8');
    });
  });

  describe('WADO-RS pixels', () => {
    const instance = `/studies/${STUDY}/series/${SERIES}/instances/2.25.30.1`;
    const ramp = Buffer.from(Int16Array.from({ length: 16 }, (_, i) => i - 8).buffer);

    it('gives an uncompressed frame with its transfer syntax', async () => {
      const accept = 'multipart/related; type=application/octet-stream; transfer-syntax=*';
      const answer = await fetch(`${root}${instance}/frames/1`, { headers: { accept } });
      expect(answer.headers.get('content-type')).toMatch(
        /^multipart\/related; type="application\/octet-stream"/,
      );
      const [part] = await partsOf(answer);
      expect(part?.headers).toContain('application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1');
      expect(part?.body).toEqual(ramp);
    });

    it('gives the frames of a compressed multi-frame one by one and together', async () => {
      const where = `${root}/studies/${OTHER_STUDY}/series/2.25.22/instances/2.25.32/frames`;
      const [second] = await partsOf(await fetch(`${where}/2`));
      expect(second?.headers).toContain(`image/jls; transfer-syntax=${JPEG_LS}`);
      expect(second?.body).toEqual(Buffer.of(255, 216, 3, 4, 5, 6));
      const both = await partsOf(await fetch(`${where}/2,1`));
      expect(both.map(({ body }) => body.length)).toEqual([6, 4]);
    });

    it('inflates a deflated file', async () => {
      const where = `${root}/studies/${OTHER_STUDY}/series/2.25.23/instances/2.25.33/frames/1`;
      expect((await partsOf(await fetch(where)))[0]?.body).toEqual(ramp);
    });

    it('gives the file itself, alone or in parts', async () => {
      const file = part10({ sop: '2.25.30.1', with: { InstanceNumber: 1, ImagePositionPatient: [0, 0, 1] } });
      const single = await fetch(root + instance, { headers: { accept: 'application/dicom' } });
      expect(Buffer.from(await single.arrayBuffer()).equals(file)).toBe(true);
      const series = await partsOf(await fetch(`${root}/studies/${STUDY}/series/${SERIES}`));
      expect(series.map(({ body }) => body.subarray(128, 132).toString())).toEqual(['DICM', 'DICM', 'DICM']);
    });

    it.each([
      [404, `${instance}/frames/2`],
      [404, '/studies/2.25.777/metadata'],
      [404, `/studies/${OTHER_STUDY}/series/${SERIES}/metadata`],
      [404, `${instance}/bulkdata/00990099`],
      [400, `${instance}/frames/0`],
      [400, `${instance}/frames/1,x`],
      [400, `${instance}/bulkdata/..%2f..%2fsecret`],
      [400, '/studies/not-a-uid/metadata'],
      [400, `/studies/${'1'.repeat(65)}/metadata`],
      [406, `${instance}/rendered`],
      [406, `${instance}/thumbnail`],
    ])('answers %d to %s', async (expected, path) => {
      expect((await raw(root, `/dicomweb${path}`)).status).toBe(expected);
    });

    it('answers 406 to a form it does not have', async () => {
      expect(await status(`${instance}/metadata`, { accept: 'application/dicom+xml' })).toBe(406);
      expect(await status(`${instance}/frames/1`, { accept: 'image/png' })).toBe(406);
    });
  });

  it('reads 64-bit values', async () => {
    const bench64 = new Bench();
    const element = (tag: number, vr: string, words: bigint[]) => {
      const bytes = Buffer.alloc(12 + 8 * words.length);
      bytes.writeUInt16LE(tag >>> 16, 0);
      bytes.writeUInt16LE(tag & 0xffff, 2);
      bytes.write(vr, 4, 'latin1');
      bytes.writeUInt32LE(8 * words.length, 8);
      words.forEach((word, i) => bytes.writeBigInt64LE(word, 12 + 8 * i));
      return bytes;
    };
    const file = part10({ sop: '2.25.94' });
    const pixels = file.indexOf(Buffer.of(0xe0, 0x7f, 0x10, 0x00));
    const item = element(0x00720082, 'SV', [-5n, 2n ** 62n]);
    const sequence = Buffer.alloc(20);
    sequence.set([0x72, 0x00, 0x22, 0x00, 0x53, 0x51]);
    sequence.writeUInt32LE(8 + item.length, 8);
    sequence.set([0xfe, 0xff, 0x00, 0xe0], 12);
    sequence.writeUInt32LE(item.length, 16);
    const parts = [
      file.subarray(0, pixels),
      sequence,
      item,
      element(0x7fe00001, 'OV', [0n]),
      file.subarray(pixels),
    ];
    bench64.write('dicom/64.dcm', Buffer.concat(parts));
    const { url } = await bench64.start();
    const at = `${url}dicomweb/studies/${STUDY}/series/${SERIES}/instances/2.25.94`;
    const [metadata] = (await (await fetch(`${at}/metadata`)).json()) as Json[];
    expect(metadata).toMatchObject({
      '00720022': { Value: [{ '00720082': { vr: 'SV', Value: [-5, '4611686018427387904'] } }] },
      '7FE00001': { vr: 'OV', InlineBinary: 'AAAAAAAAAAA=' },
    });
    const [frame] = await partsOf(await fetch(`${at}/frames/1`));
    expect(frame!.body.equals(file.subarray(-32))).toBe(true);
    await bench64.close();
  });

  it('makes no list of frames that a header only announces', async () => {
    const many = new Bench();
    many.write('dicom/a.dcm', part10({ sop: '2.25.95', with: { NumberOfFrames: 2147483647 } }));
    const { url } = await many.start();
    const at = `${url}dicomweb/studies/${STUDY}/series/${SERIES}/instances/2.25.95`;
    expect((await fetch(`${at}/bulkdata/7FE00010`)).status).toBe(500);
    expect((await fetch(`${at}/frames/1`)).status).toBe(200);
    await many.close();
  });

  it('does not show one image under the name of another when the folder changes meanwhile', async () => {
    const changing = new Bench();
    const gone = changing.write('dicom/gone.dcm', part10({ sop: '2.25.91' }));
    const swapped = changing.write('dicom/swapped.dcm', part10({ sop: '2.25.92' }));
    const { url } = await changing.start();
    const ask = async (sop: string, what: string) => {
      const answer = await fetch(`${url}dicomweb/studies/${STUDY}/series/${SERIES}/instances/${sop}${what}`);
      return { status: answer.status, text: await answer.text() };
    };
    rmSync(gone);
    writeFileSync(swapped, part10({ sop: '2.25.93' }));
    for (const what of ['/metadata', '/frames/1', '']) {
      const missing = await ask('2.25.91', what);
      expect([missing.status, missing.text]).toEqual([410, expect.stringContaining('was moved or deleted')]);
      expect(missing.text).not.toContain(changing.folder);
      const other = await ask('2.25.92', what);
      expect([other.status, other.text]).toEqual([410, expect.stringContaining('holds another one')]);
    }
    await changing.close();
  });

  it('waits for the whole folder before it hands out a series', async () => {
    const many = new Bench();
    for (let i = 1; i <= 200; i += 1) many.write(`dicom/${i}.dcm`, part10({ sop: `2.25.60.${i}` }));
    const { url } = await many.launch();
    const answer = await fetch(`${url}dicomweb/studies/${STUDY}/series/${SERIES}/metadata`);
    expect((await answer.json()) as Json[]).toHaveLength(200);
    await many.close();
  });
});
