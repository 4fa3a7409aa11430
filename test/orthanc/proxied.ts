import { type Bench, multipart, part10, RELATED } from '../unit/server-fixtures';
import { startOrthanc, type Orthanc } from './orthanc';

/** A real Orthanc that any GET can delete from, with one instance (2.25.81) and one peer, and this project's server as a proxy before it. */
export async function orthancBehindProxy(bench: Bench): Promise<{ orthanc: Orthanc; url: string }> {
  const peer = { Peer: { Url: 'http://127.0.0.1:9/dicom-web/', HasDelete: true } };
  const orthanc = await startOrthanc({ DicomWeb: { Enable: true, Root: '/dicom-web/', Servers: peer } });
  const { url } = await bench.start({ pacs: { url: orthanc.dicomWeb } });
  const stored = await fetch(`${url}dicomweb/studies`, {
    method: 'POST',
    body: multipart([part10({ sop: '2.25.81' })]),
    headers: { 'content-type': RELATED },
  });
  expect(stored.status).toBe(200);
  return { orthanc, url };
}
