import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

export interface Part {
  contentType: string;
  /** Read only when its turn comes, so a series never lies in memory as a whole. */
  body: () => Promise<Buffer>;
}

/** A `multipart/related` body (RFC 2387) and its Content-Type; `type` is the media type of the root part. */
export function multipartRelated(
  type: string,
  parts: Iterable<Part>,
): { contentType: string; stream: Readable } {
  const boundary = randomUUID();
  async function* write(): AsyncGenerator<Buffer> {
    for (const part of parts) {
      const body = await part.body();
      yield Buffer.from(
        `\r\n--${boundary}\r\nContent-Type: ${part.contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      yield body;
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  return {
    contentType: `multipart/related; type="${type}"; boundary="${boundary}"`,
    stream: Readable.from(write()),
  };
}
