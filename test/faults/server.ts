/**
 * A small DICOMweb archive that misbehaves on request, for tests only: what real servers, proxies and networks were seen doing to a
 * STOW-RS request, on demand. It keeps the first pixels it is given for a UID, as Orthanc does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { DicomMessage } from '../store/dcmjs';

export interface StoredInstance {
  readonly study: string;
  readonly series: string;
  readonly uid: string;
  readonly pixels: Uint8Array;
  readonly part10: Uint8Array;
}

/** `none`, `html`: nothing of which instance. `both`: what failed is named among the stored as well. */
type Form = 'json' | 'xml' | 'none' | 'html' | 'both';

/** What the server does with one STOW request. */
export type Behaviour =
  | { readonly kind: 'store' }
  /** Stores those without a Failure Reason; `body` is what it says of them. */
  | {
      readonly kind: 'partly';
      readonly status: number;
      readonly fail: (uid: string) => number | null;
      readonly body: Form;
    }
  /** Answers with a status, having stored the first `stored` instances. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly stored?: number;
    }
  /** Breaks the connection, having stored the first `stored`; with `midBody` after half of an answer. */
  | { readonly kind: 'reset'; readonly stored: number; readonly midBody: boolean }
  /** Stores all, then sends the answer a byte at a time. */
  | { readonly kind: 'slow'; readonly msPerByte: number }
  /** Says all is stored and stores nothing. */
  | { readonly kind: 'lose' };

export interface FaultServer {
  readonly url: string;
  readonly archive: Map<string, StoredInstance>;
  /** How often each UID was sent. */
  readonly posts: Map<string, number>;
  /** Instances of each STOW request, in order. */
  readonly requests: string[][];
  /** Of the next STOW requests, first to last; then `store`. */
  readonly next: Behaviour[];
  /** Of every request, when set; before `next`. */
  always: ((uids: readonly string[]) => Behaviour | null) | null;
  /** Larger STOW requests get 413. */
  maxBytes: number;
  /** More instances get Failure Reason A700 or, with `fullStatus`, that status. */
  capacity: number;
  fullStatus: number | null;
  /** Requests without `Authorization: Bearer <token>` get 401. */
  token: string | null;
  /** Answers 0111 to a UID it has, instead of a silent 200. */
  duplicatesFail: boolean;
  /** UIDs read back with one pixel changed. */
  readonly wrongReadBack: Set<string>;
  /** This many QIDO requests get 501. */
  refusedLists: number;
  /** This many QIDO requests do not know of anything yet: it indexes later. */
  lateLists: number;
  /** Warning Reason named with everything it stores. */
  warning: number | null;
  /** Whether it gives frames; `another form`: other bytes than the uncompressed ones that were asked for. */
  frames: boolean | 'another form';
  instances: boolean;
  /** UIDs whose file is given back without its end. */
  readonly cutReadBack: Set<string>;
  close(): Promise<void>;
}

/** @param port of an earlier one that is back; 0 for any */
export async function startFaultServer(port = 0): Promise<FaultServer> {
  const server = createServer((request, response) => {
    handle(state, request, response).catch(error => {
      response.destroy(error as Error);
    });
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  const state: FaultServer = {
    url: `http://127.0.0.1:${address.port}/dicom-web`,
    archive: new Map(),
    posts: new Map(),
    requests: [],
    next: [],
    always: null,
    maxBytes: Infinity,
    capacity: Infinity,
    fullStatus: null,
    token: null,
    duplicatesFail: false,
    wrongReadBack: new Set(),
    refusedLists: 0,
    lateLists: 0,
    warning: null,
    frames: true,
    instances: true,
    cutReadBack: new Set(),
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return state;
}

async function handle(state: FaultServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', state.url).pathname.replace(/^\/dicom-web\//, '');
  if (state.token !== null && request.headers.authorization !== `Bearer ${state.token}`) {
    request.resume();
    response.writeHead(401).end('log in first');
    return;
  }
  if (request.method === 'POST') return stow(state, request, response);
  const query = new URL(request.url ?? '/', state.url).searchParams;
  const list = /^studies\/([^/]+)\/series\/([^/]+)\/instances$/.exec(path);
  if (list) {
    if (state.refusedLists-- > 0) return void response.writeHead(501).end();
    if (state.lateLists-- > 0) return void response.writeHead(204).end();
    const all = [...state.archive.values()].filter(
      ({ study, series }) => study === list[1] && series === list[2],
    );
    const from = Number(query.get('offset') ?? 0);
    const rows = all
      .slice(from, from + Math.min(50, Number(query.get('limit') ?? 50)))
      .map(({ study, series, uid }) => ({
        '0020000D': { vr: 'UI', Value: [study] },
        '0020000E': { vr: 'UI', Value: [series] },
        '00080018': { vr: 'UI', Value: [uid] },
      }));
    return void response
      .writeHead(rows.length ? 200 : 204, { 'Content-Type': 'application/dicom+json' })
      .end(JSON.stringify(rows));
  }
  const one = /\/instances\/([^/]+)(\/frames\/1)?$/.exec(path);
  const found = one && state.archive.get(one[1]!);
  if (!found) return void response.writeHead(404).end();
  if (one[2] ? !state.frames : !state.instances) return void response.writeHead(406).end();
  let bytes = Buffer.from(one[2] ? found.pixels : found.part10);
  if (one[2] && state.frames === 'another form') bytes = deflateRawSync(bytes);
  if (!one[2] && state.cutReadBack.has(found.uid)) bytes = bytes.subarray(0, -100);
  // The last byte of the file is the last byte of Pixel Data.
  if (state.wrongReadBack.has(found.uid)) bytes[bytes.length - 1]! ^= 1;
  const type = one[2] ? 'application/octet-stream' : 'application/dicom';
  response.writeHead(200, { 'Content-Type': `multipart/related; type="${type}"; boundary=frame` });
  response.end(
    Buffer.concat([
      Buffer.from(`--frame\r\nContent-Type: ${type}\r\n\r\n`),
      bytes,
      Buffer.from('\r\n--frame--\r\n'),
    ]),
  );
}

async function stow(state: FaultServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const instances = parts(body, request.headers['content-type'] ?? '').map(read);
  const uids = instances.map(({ uid }) => uid);
  state.requests.push(uids);
  for (const uid of uids) state.posts.set(uid, (state.posts.get(uid) ?? 0) + 1);
  if (body.length > state.maxBytes) return void response.writeHead(413).end('<html>too large</html>');

  const behaviour = state.always?.(uids) ?? state.next.shift() ?? { kind: 'store' };
  const keep = (count: number) => instances.slice(0, count).forEach(instance => put(state, instance));
  switch (behaviour.kind) {
    case 'store':
      return answer(state, response, instances, 200, () => null, 'json');
    case 'partly':
      return answer(state, response, instances, behaviour.status, behaviour.fail, behaviour.body);
    case 'status':
      keep(behaviour.stored ?? 0);
      return void response
        .writeHead(behaviour.status, behaviour.headers)
        .end('<html>a proxy has a page for this</html>');
    case 'reset':
      keep(behaviour.stored);
      if (!behaviour.midBody) return void request.socket.destroy();
      response.writeHead(200, { 'Content-Type': 'application/dicom+json', 'Content-Length': '1000' });
      response.write('{"00081199":{"vr":"SQ","Val', () => request.socket.destroy());
      return;
    case 'slow': {
      keep(instances.length);
      const text = JSON.stringify({ '00081199': { vr: 'SQ', Value: instances.map(({ uid }) => item(uid)) } });
      response.writeHead(200, { 'Content-Type': 'application/dicom+json' });
      for (const character of text) {
        if (request.socket.destroyed) return;
        response.write(character);
        await new Promise(resolve => setTimeout(resolve, behaviour.msPerByte));
      }
      return void response.end();
    }
    case 'lose':
      response.writeHead(200, { 'Content-Type': 'application/dicom+json' });
      return void response.end(
        JSON.stringify({ '00081199': { vr: 'SQ', Value: uids.map(uid => item(uid)) } }),
      );
  }
}

function answer(
  state: FaultServer,
  response: ServerResponse,
  instances: readonly StoredInstance[],
  status: number,
  fail: (uid: string) => number | null,
  form: Form,
): void {
  const stored: string[] = [];
  const failed: [string, number][] = [];
  for (const instance of instances) {
    const full = !state.archive.has(instance.uid) && state.archive.size >= state.capacity;
    if (full && state.fullStatus !== null) return void response.writeHead(state.fullStatus).end();
    const duplicate = state.duplicatesFail && state.archive.has(instance.uid);
    const reason = duplicate ? 0x0111 : full ? 0xa700 : fail(instance.uid);
    if (reason !== null) failed.push([instance.uid, reason]);
    else {
      put(state, instance);
      stored.push(instance.uid);
    }
  }
  const code = failed.length && status === 200 ? (stored.length ? 202 : 409) : status;
  if (form === 'none') return void response.writeHead(code).end();
  if (form === 'html')
    return void response.writeHead(code, { 'Content-Type': 'text/html' }).end('<html><p>Error</html>');
  if (form === 'xml') {
    const attribute = (tag: string, vr: string, inner: string) =>
      `<DicomAttribute tag="${tag}" vr="${vr}">${inner}</DicomAttribute>`;
    const value = (tag: string, vr: string, text: string) =>
      attribute(tag, vr, `<Value number="1">${text}</Value>`);
    const sequence = (tag: string, items: string[]) =>
      items.length
        ? attribute(tag, 'SQ', items.map((inner, i) => `<Item number="${i + 1}">${inner}</Item>`).join(''))
        : '';
    const xml =
      '<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">' +
      sequence(
        '00081198',
        failed.map(([uid, reason]) => value('00081155', 'UI', uid) + value('00081197', 'US', String(reason))),
      ) +
      sequence(
        '00081199',
        stored.map(uid => value('00081155', 'UI', uid)),
      ) +
      '</NativeDicomModel>';
    return void response.writeHead(code, { 'Content-Type': 'application/dicom+xml' }).end(xml);
  }
  if (form === 'both') stored.push(...failed.map(([uid]) => uid));
  const json = {
    ...(stored.length && {
      '00081199': { vr: 'SQ', Value: stored.map(uid => item(uid, null, state.warning)) },
    }),
    ...(failed.length && {
      '00081198': { vr: 'SQ', Value: failed.map(([uid, reason]) => item(uid, reason)) },
    }),
  };
  response.writeHead(code, { 'Content-Type': 'application/dicom+json' }).end(JSON.stringify(json));
}

function item(uid: string, reason: number | null = null, warning: number | null = null): object {
  return {
    '00081155': { vr: 'UI', Value: [uid] },
    ...(reason !== null && { '00081197': { vr: 'US', Value: [reason] } }),
    ...(warning !== null && { '00081196': { vr: 'US', Value: [warning] } }),
  };
}

function put(state: FaultServer, instance: StoredInstance): void {
  if (!state.archive.has(instance.uid)) state.archive.set(instance.uid, instance);
}

function parts(body: Buffer, contentType: string): Buffer[] {
  const boundary = /boundary=([^;]+)/.exec(contentType)?.[1];
  if (!boundary) throw new Error('no boundary');
  const found: Buffer[] = [];
  let from = body.indexOf(`--${boundary}`);
  for (;;) {
    const head = body.indexOf('\r\n\r\n', from);
    const end = head < 0 ? -1 : body.indexOf(`\r\n--${boundary}`, head + 4);
    if (end < 0) return found;
    found.push(body.subarray(head + 4, end));
    from = end + 2;
  }
}

function read(part10: Buffer): StoredInstance {
  const { dict } = DicomMessage.readFile(new Uint8Array(part10).buffer);
  const text = (tag: string) => String(dict[tag]?.Value[0]);
  const pixels = new Uint8Array(dict['7FE00010']?.Value[0] as ArrayBuffer);
  return {
    study: text('0020000D'),
    series: text('0020000E'),
    uid: text('00080018'),
    pixels,
    part10: new Uint8Array(part10),
  };
}
