import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** How long the other end of a connection may take, in milliseconds. */
export interface Patience {
  /** From the first byte, or from the connection itself, to the end of the headers. */
  readonly headersMs: number;
  /** In this time at least 1 KiB of a body arrives, unless this server holds it back. */
  readonly bodyMs: number;
  /** In this time at least 1 KiB of an answer is taken. */
  readonly answerMs: number;
}
export const PATIENCE: Patience = { headersMs: 20_000, bodyMs: 30_000, answerMs: 60_000 };

const LEAST_BYTES = 1024;

/** What Node's own server watches: connections that send no request, and headers that do not end. */
export const httpOptions = ({ headersMs }: Patience) => ({
  headersTimeout: headersMs,
  connectionsCheckingInterval: Math.min(5000, headersMs),
  // Of a whole request; a series takes as long as its line is slow, so its body is watched below.
  requestTimeout: 0,
});

interface Watched {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  received: Progress;
  taken: Progress;
}
interface Progress {
  readonly bytes: number;
  readonly since: number;
}

/**
 * Ends connections whose other end sends a body, or takes an answer, so slowly that they are only held: each costs a socket, and a stored
 * body a file. How long this server itself takes to answer is not counted.
 */
export function endHeldConnections(app: FastifyInstance, { bodyMs, answerMs }: Patience): void {
  const open = new Set<Watched>();
  app.addHook('onRequest', async ({ raw: request }, { raw: response }) => {
    const start: Progress = { bytes: 0, since: Date.now() };
    const watched: Watched = { request, response, received: start, taken: start };
    open.add(watched);
    response.once('close', () => open.delete(watched));
  });
  const timer = setInterval(
    () => {
      const now = Date.now();
      for (const one of open) {
        const { request, response } = one;
        const { socket } = request;
        const isSending = !request.complete && request.readableLength === 0;
        one.received = progress(one.received, isSending, socket.bytesRead, now);
        const isTaking = socket.writableLength > 0;
        one.taken = progress(one.taken, isTaking, socket.bytesWritten - socket.writableLength, now);
        if (now - one.received.since > bodyMs || now - one.taken.since > answerMs) response.destroy();
      }
    },
    Math.min(bodyMs, answerMs, 15_000) / 3,
  );
  timer.unref();
  app.addHook('onClose', async () => clearInterval(timer));
}

/** Begins anew where nothing is waited for, and after each KiB. */
const progress = (last: Progress, isWaited: boolean, bytes: number, now: number): Progress =>
  isWaited && bytes - last.bytes < LEAST_BYTES ? last : { bytes, since: now };
