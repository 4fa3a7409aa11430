import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { absentHere } from '../absent';
import { Bench, multipart, part10, RELATED, SERIES, STUDY } from './server-fixtures';

type Json = Record<string, { vr: string; Value?: unknown[] }>;

const DEFLATED = '1.2.840.10008.1.2.1.99';
const SIGNED = resolve(__dirname, '../../../shared/data/trials/17-implicit-signed/a.dcm');
const absent = absentHere(existsSync(SIGNED) ? null : `${SIGNED} is absent`);
if (absent) console.warn(`skipped: ${absent}`);

/** A deflated instance whose pixels are zeros: a thousandth of them on the disk. */
function bomb(sop: string, megabytes: number): Buffer {
  const plain = part10({ sop, transferSyntax: DEFLATED });
  const dataset = 144 + plain.readUInt32LE(140);
  const pixels = plain.indexOf(Buffer.of(0xe0, 0x7f, 0x10, 0x00));
  const head = Buffer.alloc(12);
  plain.copy(head, 0, pixels, pixels + 8);
  head.writeUInt32LE(megabytes * 2 ** 20, 8);
  const body = Buffer.concat([plain.subarray(dataset, pixels), head, Buffer.alloc(megabytes * 2 ** 20)]);
  return Buffer.concat([plain.subarray(0, dataset), deflateRawSync(body)]);
}

describe('files read by the project reader, in threads', () => {
  const bench = new Bench();
  let root = '';
  const metadata = async (study: string, series: string): Promise<Json> =>
    ((await (await fetch(`${root}/studies/${study}/series/${series}/metadata`)).json()) as Json[])[0]!;

  beforeAll(async () => {
    const latin1 = part10({
      sop: '2.25.61',
      with: { SpecificCharacterSet: '', PatientName: 'Mueller^Aenne' },
    });
    latin1.set(Buffer.from('M\xfcller^\xc4nne  ', 'latin1'), latin1.indexOf('Mueller^Aenne'));
    bench.write('dicom/latin1.dcm', latin1);
    bench.write('dicom/bomb.dcm', bomb('2.25.62', 300));
    if (!absent) bench.write('dicom/signed.dcm', readFileSync(SIGNED));
    root = `${(await bench.start()).url}dicomweb`;
  });
  afterAll(() => bench.close());

  it('text without a character set is Latin-1', async () => {
    const name = [{ Alphabetic: 'Müller^Änne' }];
    expect((await metadata(STUDY, SERIES))['00100010']).toEqual({ vr: 'PN', Value: name });
    const [found] = (await (await fetch(`${root}/studies?PatientName=M%C3%BCller*`)).json()) as Json[];
    expect(found?.['00100010']?.Value).toEqual(name);
  });

  (absent ? it.skip : it)('a padding value of signed pixels in Implicit VR is signed', async () => {
    const [other] = ((await (await fetch(`${root}/studies`)).json()) as Json[]).filter(
      found => found['0020000D']!.Value![0] !== STUDY,
    );
    const study = String(other!['0020000D']!.Value![0]);
    const [series] = (await (await fetch(`${root}/studies/${study}/series`)).json()) as Json[];
    const found = await metadata(study, String(series!['0020000E']!.Value![0]));
    expect(found['00280120']).toEqual({ vr: 'SS', Value: [-2000] });
  });

  it('a decompression bomb in a folder is a problem with a reason', async () => {
    const { problems } = (await (await fetch(`${root}/_problems`)).json()) as {
      problems: { path: string; problem: string }[];
    };
    expect(problems).toEqual([
      {
        path: 'dicom/bomb.dcm',
        problem: expect.stringContaining('the deflated dataset is implausibly large'),
      },
    ]);
  });

  it('a bomb that is stored is refused, and others are answered by the main thread meanwhile', async () => {
    const body = multipart([bomb('2.25.63', 500)]);
    const sent = fetch(`${root}/studies`, { method: 'POST', body, headers: { 'content-type': RELATED } });
    const listed = await (await fetch(`${root}/studies`)).json();
    expect(listed).toHaveLength(absent ? 1 : 2);
    const answer = await sent;
    expect(answer.status).toBe(409);
    const { '00081198': failed } = (await answer.json()) as Json;
    expect(failed?.Value).toMatchObject([{ '00081197': { Value: [0xc000] } }]);
  });
});
