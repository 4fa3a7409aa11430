import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes a request on to the same path of another server; with `hold`, its answer goes nowhere. */
export function passOn(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string,
  hold = false,
): void {
  const { url = '/', method, headers } = incoming;
  const onward = request(new URL(url, target), { method, headers }, answer => {
    if (hold) return void answer.resume();
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.once('error', () => response.destroy());
  response.once('close', () => {
    if (!hold) onward.destroy();
  });
  incoming.pipe(onward);
}

/** Stands before a DICOMweb server, and lets no answer or no request through when told so. */
export interface Gate {
  readonly url: string;
  /** Instances of each STOW-RS request, in order. */
  readonly sent: number[];
  /** The server gets what is stored, and its answer never arrives. */
  holdAnswers: boolean;
  /** Requests that never reach the server. */
  swallows: ((path: string) => boolean) | null;
  close(): void;
}

export async function startGate(target: string): Promise<Gate> {
  const server = createServer((incoming, response) => {
    const store = incoming.method === 'POST';
    if (!store && gate.swallows?.(incoming.url ?? '')) return;
    if (store) {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', () => {
        const body = Buffer.concat(chunks).toString('latin1');
        gate.sent.push(body.split('Content-Type: application/dicom\r\n').length - 1);
      });
    }
    passOn(incoming, response, target, store && gate.holdAnswers);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const gate: Gate = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: [],
    holdAnswers: false,
    swallows: null,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return gate;
}
