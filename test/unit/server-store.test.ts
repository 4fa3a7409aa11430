import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import fastify from 'fastify';
import { storeRoutes, STORE_LIMITS } from '../../server/src/dicomweb/store';
import type { StoreFolder } from '../../server/src/dicomweb/storeFolder';
import { Bench, CT, multipart, part10, RELATED, SERIES, STUDY } from './server-fixtures';

interface Result {
  '00081190'?: { Value: string[] };
  '00081198'?: { Value: { '00081155': { Value?: string[] }; '00081197': { Value: number[] } }[] };
  '00081199'?: {
    Value: {
      '00081150': { Value: string[] };
      '00081155': { Value: string[] };
      '00081190': { Value: string[] };
    }[];
  };
}

const OTHER_PIXELS = Int16Array.from({ length: 16 }, () => 7);

describe('STOW-RS', () => {
  const bench = new Bench();
  let url = '';
  const post = async (body: BodyInit, path = '/studies', type = RELATED) => {
    const answer = await fetch(`${url}dicomweb${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });
    const text = await answer.text();
    return { status: answer.status, type: answer.headers.get('content-type'), text, result: json(text) };
  };
  const json = (text: string): Result => {
    try {
      return JSON.parse(text) as Result;
    } catch {
      return {};
    }
  };
  const stored = (sop: string) => join(bench.folder, 'store', STUDY, SERIES, `${sop}.dcm`);
  const failures = ({ '00081198': failed }: Result) =>
    failed?.Value.map(one => [one['00081155'].Value?.[0], one['00081197'].Value[0]]) ?? [];
  const leftovers = () =>
    readdirSync(join(bench.folder, 'store/.incoming'), { recursive: true }).filter(name =>
      String(name).endsWith('.part'),
    );

  beforeAll(async () => {
    bench.write('dicom/original.dcm', part10({ sop: '2.25.70' }));
    url = (await bench.start({ limits: { request: 200_000, parts: 20 } })).url;
  });
  afterAll(() => bench.close());

  it('stores an instance bit for bit, lists it and gives it back', async () => {
    const file = part10({ sop: '2.25.71' });
    const { status, type, result } = await post(multipart([file]), `/studies/${STUDY}`);
    expect([status, type]).toEqual([200, 'application/dicom+json; charset=utf-8']);
    expect(result['00081190']?.Value).toEqual([`${url}dicomweb/studies/${STUDY}`]);
    expect(result['00081199']?.Value).toEqual([
      {
        '00081150': { vr: 'UI', Value: [CT] },
        '00081155': { vr: 'UI', Value: ['2.25.71'] },
        '00081190': {
          vr: 'UR',
          Value: [`${url}dicomweb/studies/${STUDY}/series/${SERIES}/instances/2.25.71`],
        },
      },
    ]);
    expect(readFileSync(stored('2.25.71')).equals(file)).toBe(true);
    const listed = await fetch(`${url}dicomweb/studies/${STUDY}/instances?SOPInstanceUID=2.25.71`);
    expect(await listed.json()).toHaveLength(1);
    const back = await fetch(result['00081199']?.Value[0]?.['00081190'].Value[0] ?? '', {
      headers: { accept: 'application/dicom' },
    });
    expect(Buffer.from(await back.arrayBuffer()).equals(file)).toBe(true);
  });

  it('answers 200 to the same pixels again, also for what lies in an indexed folder', async () => {
    const { status, result } = await post(
      multipart([part10({ sop: '2.25.71' }), part10({ sop: '2.25.70' })]),
    );
    expect(status).toBe(200);
    expect(result['00081199']?.Value).toHaveLength(2);
    expect(existsSync(stored('2.25.70'))).toBe(false);
  });

  it('refuses other pixels under a known UID and keeps what is there', async () => {
    const before = readFileSync(stored('2.25.71'));
    const { status, result } = await post(multipart([part10({ sop: '2.25.71', pixels: OTHER_PIXELS })]));
    expect(status).toBe(409);
    expect(failures(result)).toEqual([['2.25.71', 0x0111]]);
    expect(readFileSync(stored('2.25.71')).equals(before)).toBe(true);
  });

  it('refuses a known UID in another series, whatever its pixels', async () => {
    const { status, result } = await post(multipart([part10({ sop: '2.25.71', series: '2.25.29' })]));
    expect([status, failures(result)]).toEqual([409, [['2.25.71', 0x0111]]]);
  });

  it('answers 202 with a result for each when some are refused', async () => {
    const parts = [
      part10({ sop: '2.25.72' }),
      part10({ sop: '2.25.73' }).subarray(0, -4),
      part10({ sop: '2.25.74', study: '2.25.12' }),
      Buffer.from('not DICOM at all'),
    ];
    const { status, result } = await post(multipart(parts), `/studies/${STUDY}`);
    expect(status).toBe(202);
    expect(result['00081199']?.Value.map(one => one['00081155'].Value[0])).toEqual(['2.25.72']);
    expect(failures(result)).toEqual([
      [undefined, 0xc000],
      ['2.25.74', 0xa900],
      [undefined, 0xc000],
    ]);
    expect(existsSync(stored('2.25.73'))).toBe(false);
  });

  it('refuses UIDs that would be paths', async () => {
    const { status } = await post(multipart([part10({ sop: '../../../evil' })]));
    expect(status).toBe(409);
    expect(existsSync(join(bench.folder, 'evil.dcm'))).toBe(false);
  });

  it.each([
    ['no boundary', 400, 'multipart/related; type="application/dicom"'],
    ['another kind of part', 415, 'multipart/related; type="application/dicom+json"; boundary=BOUNDARY'],
    ['no multipart', 415, 'application/dicom'],
    ['a form', 415, 'multipart/form-data; boundary=BOUNDARY'],
  ])('refuses %s with %d', async (_what, expected, type) => {
    expect((await post(multipart([part10({ sop: '2.25.75' })]), '/studies', type)).status).toBe(expected);
  });

  it('refuses a body without instances, one cut off, and one that is no multipart', async () => {
    expect((await post(multipart([]))).status).toBe(400);
    expect(
      (await post(Buffer.from('--BOUNDARY\r\nContent-Type: application/dicom\r\n\r\nhalf a'))).status,
    ).toBe(400);
    expect((await post(Buffer.from('nonsense'))).status).toBe(400);
    expect((await post(multipart([part10()]), '/studies/not-a-uid')).status).toBe(400);
  });

  it('refuses too many bytes and too many instances with 413, and says to send less', async () => {
    const big = await post(multipart([Buffer.alloc(300_000)]));
    expect([big.status, big.text]).toEqual([413, expect.stringContaining('in several')]);
    const many = await post(multipart(Array.from({ length: 21 }, () => Buffer.from('x'))));
    expect(many.status).toBe(413);
  });

  it('counts the bytes of a body that does not say its length', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const sent = request(
        `${url}dicomweb/studies`,
        { method: 'POST', headers: { 'content-type': RELATED } },
        answer => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        },
      );
      sent.on('error', reject);
      sent.write('--BOUNDARY\r\nContent-Type: application/dicom\r\n\r\n');
      for (let i = 0; i < 30; i += 1) sent.write(Buffer.alloc(10_000));
      sent.end('\r\n--BOUNDARY--\r\n');
    });
    expect(status).toBe(413);
  });

  it('leaves nothing half-written when the sender goes away', async () => {
    await new Promise<void>(resolve => {
      const sent = request(`${url}dicomweb/studies`, {
        method: 'POST',
        headers: { 'content-type': RELATED },
      });
      sent.on('error', () => resolve());
      sent.write('--BOUNDARY\r\nContent-Type: application/dicom\r\n\r\n');
      sent.write(part10({ sop: '2.25.76' }).subarray(0, 500));
      setTimeout(() => sent.destroy(new Error('gone')), 100);
    });
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(existsSync(stored('2.25.76'))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('keeps exactly one of two different images sent under one UID at the same time', async () => {
    const attempts = Array.from({ length: 8 }, (_, i) =>
      post(multipart([part10({ sop: '2.25.77', pixels: Int16Array.from({ length: 16 }, () => i) })])),
    );
    const statuses = (await Promise.all(attempts)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
    expect(
      readdirSync(join(bench.folder, 'store', STUDY, SERIES)).filter(name => name.includes('2.25.77')),
    ).toHaveLength(1);
  });

  it('finds what was stored after a restart, and clears what an interrupted run left', async () => {
    bench.write('store/.incoming/old.part', 'half an image');
    const again = await bench.start();
    const listed = await fetch(`${again.url}dicomweb/studies/${STUDY}/instances?SOPInstanceUID=2.25.71`);
    expect(await listed.json()).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });
});

it('tells a full disk apart while a body arrives, and names no study for two', async () => {
  const app = fastify();
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  let described = 0;
  const answer = () => ({
    instance: { studyUid: `1.2.${++described}`, seriesUid: '1', sopUid: `1.${described}`, sopClassUid: CT },
  });
  const store = {
    receive: async (body: Readable) => {
      body.resume();
      if (described === 2) throw full;
      return 'spool';
    },
    keep: async () => ({ kind: 'stored', described: answer() }),
  };
  storeRoutes(app, store as unknown as StoreFolder, '/dicomweb', STORE_LIMITS, () => undefined);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const post = async (count: number): Promise<Result> => {
    const parts = Array.from({ length: count }, () => part10());
    const headers = { 'content-type': RELATED };
    const body = multipart(parts);
    return (await fetch(`http://127.0.0.1:${port}/studies`, { method: 'POST', headers, body })).json();
  };
  expect(await post(2)).not.toHaveProperty('00081190');
  expect(await post(1)).toMatchObject({ '00081198': { Value: [{ '00081197': { Value: [0xa700] } }] } });
  await app.close();
});
