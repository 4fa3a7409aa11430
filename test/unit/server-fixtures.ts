import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import dcmjs from 'dcmjs';
import { startServer, type RunningServer, type ServerOptions } from '../../server/src/index';

interface Writer {
  DicomDict: new (meta: object) => { dict: object; write(): ArrayBuffer };
  DicomMetaDictionary: { denaturalizeDataset(dataset: object): object };
}
const { DicomDict, DicomMetaDictionary } = dcmjs.data as unknown as Writer;

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const EXPLICIT = '1.2.840.10008.1.2.1';
export const STUDY = '2.25.10';
export const SERIES = '2.25.20';

export interface Made {
  sop?: string;
  series?: string;
  study?: string;
  transferSyntax?: string;
  /** Stored pixels of all frames; 4 x 4 signed 16-bit by default. */
  pixels?: Int16Array;
  /** Encapsulated pixel data: one fragment a frame. */
  fragments?: Uint8Array[];
  /** Further attributes, by keyword. */
  with?: Record<string, unknown>;
}

/** A small CT instance as a Part 10 file. */
export function part10({ sop = '2.25.30', series = SERIES, study = STUDY, ...made }: Made = {}): Buffer {
  const pixels = made.pixels ?? Int16Array.from({ length: 16 }, (_, i) => i - 8);
  const meta = DicomMetaDictionary.denaturalizeDataset({
    FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
    MediaStorageSOPClassUID: CT,
    MediaStorageSOPInstanceUID: sop,
    TransferSyntaxUID: made.transferSyntax ?? EXPLICIT,
    ImplementationClassUID: '2.25.1',
  });
  const dict = new DicomDict(meta);
  dict.dict = DicomMetaDictionary.denaturalizeDataset({
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: CT,
    SOPInstanceUID: sop,
    StudyInstanceUID: study,
    SeriesInstanceUID: series,
    StudyDate: '20240131',
    StudyTime: '101500',
    StudyDescription: 'Chest low dose',
    AccessionNumber: 'A1',
    PatientID: 'P1',
    PatientName: 'Doe^Jane',
    PatientBirthDate: '19600102',
    SeriesDescription: 'Lung 1 mm',
    SeriesNumber: 3,
    InstanceNumber: 1,
    Modality: 'CT',
    Rows: 4,
    Columns: 4,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    PixelSpacing: [0.7, 0.7],
    RescaleIntercept: -1024,
    RescaleSlope: 1,
    PixelData: made.fragments ? made.fragments.map(one => one.slice().buffer) : [pixels.slice().buffer],
    _vrMap: { PixelData: made.fragments ? 'OB' : 'OW' },
    ...made.with,
  });
  return Buffer.from(dict.write());
}

/** Temporary folders, a viewer of one page, and servers over them; `close` removes everything. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'iscl-server-'));
  private readonly running: RunningServer[] = [];

  write(path: string, content: string | Uint8Array): string {
    const at = join(this.folder, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
    return at;
  }

  /** A server whose folders are indexed. */
  async start(options: ServerOptions = {}): Promise<RunningServer> {
    const server = await this.launch(options);
    await server.indexed();
    return server;
  }

  /** A server that may still be indexing. */
  async launch(options: ServerOptions = {}): Promise<RunningServer> {
    this.write('viewer/index.html', '<!doctype html><title>viewer</title>');
    mkdirSync(join(this.folder, 'dicom'), { recursive: true });
    const server = await startServer({
      root: this.folder,
      viewer: 'viewer',
      plugin: 'plugin',
      dicom: ['dicom'],
      store: 'store',
      port: 0,
      ...options,
    });
    this.running.push(server);
    return server;
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map(server => server.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface RawAnswer {
  status: number;
  body: string;
}

/** A request exactly as written: `fetch` would tidy the path and refuse the Host header. */
export function raw(
  url: string,
  path: string,
  headers: Record<string, string> = {},
  post?: string,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const method = post === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, headers, method }, answer => {
      let body = '';
      answer.on('data', chunk => (body += String(chunk)));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end(post);
  });
}

/** A STOW-RS body. */
export function multipart(parts: Uint8Array[], boundary = 'BOUNDARY'): Uint8Array<ArrayBuffer> {
  const body = Buffer.concat([
    ...parts.flatMap(part => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      part,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return new Uint8Array(body);
}

export const RELATED = 'multipart/related; type="application/dicom"; boundary=BOUNDARY';

/** The parts of a multipart answer: each one's headers and its body. */
export async function partsOf(answer: Response): Promise<{ headers: string; body: Buffer }[]> {
  const boundary = /boundary="?([^";]+)/.exec(answer.headers.get('content-type') ?? '')?.[1];
  const text = `\r\n${Buffer.from(await answer.arrayBuffer()).toString('latin1')}`;
  return text
    .split(`\r\n--${boundary}`)
    .slice(1, -1)
    .map(part => {
      const end = part.indexOf('\r\n\r\n');
      return { headers: part.slice(2, end), body: Buffer.from(part.slice(end + 4), 'latin1') };
    });
}
