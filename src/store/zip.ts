import { Zip, ZipPassThrough, ZipDeflate } from 'fflate';
import { DenoiseError } from '../notices';

/** Without Zip64, which fflate does not write and old tools do not read. */
const MAX_BYTES = 2 ** 32 - 1;
const MAX_FILES = 2 ** 16 - 1;

export interface ZipOptions {
  /** 0 stores (Pixel Data hardly shrinks and time does), 1 to 9 deflate; default 0. */
  readonly level?: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
  /** The files' time; default now. */
  readonly date?: Date;
  readonly signal?: AbortSignal;
  readonly onProgress?: (files: number) => void;
}

/** `IM0001.dcm`, counted from 1 in the order given; names of eight characters are read by every importer. */
export function fileName(index: number): string {
  return `IM${String(index + 1).padStart(4, '0')}.dcm`;
}

/**
 * A ZIP of Part 10 files as a stream: one instance in memory at a time, none asked for before it is read. The stream errors with a
 * DenoiseError (`save-folder`) past 4 GiB or 65,535 files, and with what feeds it.
 */
export function zipSeries(
  instances: AsyncIterable<{ readonly part10: Uint8Array }>,
  options: ZipOptions = {},
): ReadableStream<Uint8Array> {
  const { level = 0, date = new Date(), signal, onProgress } = options;
  const source = instances[Symbol.asyncIterator]();
  let files = 0;
  let bytes = 0;
  let zip: Zip;
  const stream: UnderlyingDefaultSource<Uint8Array> = {
    start(controller) {
      zip = new Zip((error, chunk, final) => {
        if (error) controller.error(error);
        else controller.enqueue(chunk);
        if (final) controller.close();
      });
    },
    async pull(controller) {
      try {
        signal?.throwIfAborted();
        const { done, value } = await source.next();
        signal?.throwIfAborted();
        if (done) return zip.end();
        const { part10 } = value;
        // A header and a directory entry take well under 200 bytes.
        bytes += part10.byteLength + 200;
        if (bytes > MAX_BYTES || files >= MAX_FILES) {
          throw new DenoiseError({
            kind: 'fault',
            code: 'save-folder',
            what: 'the series is too large for one ZIP file (4 GiB)',
          });
        }
        const file =
          level === 0 ? new ZipPassThrough(fileName(files)) : new ZipDeflate(fileName(files), { level });
        file.mtime = date;
        zip.add(file);
        file.push(part10, true);
        files++;
        onProgress?.(files);
      } catch (error) {
        zip.terminate();
        await source.return?.();
        controller.error(error);
      }
    },
    async cancel() {
      zip.terminate();
      await source.return?.();
    },
  };
  // Zero: an instance is made when somebody reads, not to fill a queue.
  return new ReadableStream(stream, { highWaterMark: 0 });
}

/** The whole ZIP as a Blob, which the browser may keep on disk. Rejects with whatever ended the series. */
export async function zipBlob(
  instances: AsyncIterable<{ readonly part10: Uint8Array }>,
  options: ZipOptions = {},
): Promise<Blob> {
  const reader = zipSeries(instances, options).getReader();
  // Not `new Response(stream).blob()`: in Chromium it rejects with a TypeError, "Failed to fetch", whatever ended the stream.
  const parts: Blob[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: 'application/zip' });
    // A Blob of its own at once, so that the bytes leave the page's memory.
    parts.push(new Blob([value as Uint8Array<ArrayBuffer>]));
  }
}
