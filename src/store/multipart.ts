/**
 * multipart/related (RFC 2387) as STOW-RS and WADO-RS use it. The body is a Blob over the parts, not a joined buffer: fetch
 * streams it with a Content-Length (many archives refuse a chunked request), and a part that lies on disk stays there.
 */
import { v4 as randomUuid } from 'uuid';

const encoder = new TextEncoder();

export interface MultipartBody {
  readonly body: Blob;
  readonly contentType: string;
}

/** @param parts Part 10 files */
export function multipartBody(parts: readonly Blob[], type = 'application/dicom'): MultipartBody {
  // 122 random bits: that they occur in a part by chance is not worth a search through every byte.
  const boundary = `iscl-${randomUuid()}`;
  const pieces: BlobPart[] = [];
  for (const part of parts) pieces.push(`--${boundary}\r\nContent-Type: ${type}\r\n\r\n`, part, '\r\n');
  pieces.push(`--${boundary}--\r\n`);
  return { body: new Blob(pieces), contentType: `multipart/related; type="${type}"; boundary=${boundary}` };
}

/**
 * The parts of a multipart answer, without their headers. An answer that is not multipart is its own only part: some
 * archives send one frame that way. Throws on a body that ends before its closing boundary.
 */
export function multipartParts(body: Uint8Array, contentType: string): Uint8Array[] {
  if (!/^\s*multipart\//i.test(contentType)) return [body];
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) throw new Error('a multipart answer without a boundary');
  const delimiter = encoder.encode(`\r\n--${boundary}`);
  const first = delimiter.subarray(2);
  const blank = encoder.encode('\r\n\r\n');
  const parts: Uint8Array[] = [];
  let at = indexOf(body, first, 0) + first.length;
  if (at < first.length) throw new Error('a multipart answer without its first boundary');
  // Two dashes after a delimiter close the body.
  while (!(body[at] === 0x2d && body[at + 1] === 0x2d)) {
    const head = indexOf(body, blank, at);
    const end = head < 0 ? -1 : indexOf(body, delimiter, head + blank.length - 2);
    if (end < 0) throw new Error('a multipart answer that ends in the middle of a part');
    parts.push(body.subarray(head + blank.length, Math.max(end, head + blank.length)));
    at = end + delimiter.length;
  }
  return parts;
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const head = pattern[0]!;
  for (let at = bytes.indexOf(head, from); at >= 0; at = bytes.indexOf(head, at + 1)) {
    if (pattern.every((value, i) => bytes[at + i] === value)) return at;
  }
  return -1;
}
