/** Beginnings of files, as [offset, bytes in Latin-1, what it is]; from the formats' own specifications. */
const BEGINNINGS: readonly (readonly [number, string, string])[] = [
  [0, '\x89PNG\r\n\x1a\n', 'a PNG image'],
  [0, '\xff\xd8\xff', 'a JPEG image'],
  [0, '\xff\x4f\xff\x51', 'a JPEG 2000 code stream'],
  [0, '\0\0\0\x0cjP  \r\n\x87\n', 'a JPEG 2000 image'],
  [0, 'GIF8', 'a GIF image'],
  [0, 'II*\0', 'a TIFF image'],
  [0, 'MM\0*', 'a TIFF image'],
  [0, 'BM', 'a BMP image'],
  [0, '%PDF-', 'a PDF document'],
  [0, 'PK\x03\x04', 'a ZIP archive'],
  [0, 'PK\x05\x06', 'a ZIP archive'],
  [0, '\x1f\x8b\x08', 'a gzip archive'],
  [0, 'BZh', 'a bzip2 archive'],
  [0, '\xfd7zXZ\0', 'an xz archive'],
  [0, '\x28\xb5\x2f\xfd', 'a Zstandard archive'],
  [0, '7z\xbc\xaf\x27\x1c', 'a 7z archive'],
  [0, 'Rar!\x1a\x07', 'a RAR archive'],
  [257, 'ustar', 'a tar archive'],
  [0, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'a Microsoft compound file'],
  [0, '\x7fELF', 'a program'],
  [0, 'MZ\x90\0', 'a program'],
  [0, 'SQLite format 3\0', 'an SQLite database'],
  [0, '\x89HDF\r\n\x1a\n', 'an HDF5 file'],
  [0, '\0\0\0\x01Bud1', 'a folder view of macOS'],
  [0, '\x5c\x01\0\0', 'a NIfTI image'],
  [344, 'n+1\0', 'a NIfTI image'],
  [4, 'ftyp', 'a video'],
  [0, 'RIFF', 'a RIFF file'],
  [0, '\x93NUMPY', 'a NumPy array'],
  [0, 'L\0\0\0\x01\x14\x02\0', 'a Windows shortcut'],
];

/** As much as says what a file is. */
const LOOKED_AT = 4096;

/**
 * What a file plainly is by its content, when that is something else than DICOM; null where a damaged image cannot be ruled out (zeros, a torn
 * beginning, nothing at all).
 */
export function otherFormat(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LOOKED_AT));
  const latin1 = start.toString('latin1');
  if (latin1.startsWith('DICM', 128)) return null;
  const known = BEGINNINGS.find(([offset, beginning]) => latin1.startsWith(beginning, offset));
  if (known) return known[2];
  return isText(start, latin1) ? textFormat(latin1.trimStart()) : null;
}

function textFormat(text: string): string {
  if (/^[[{]/.test(text)) return 'a JSON text';
  if (/^<(!doctype html|html)/i.test(text)) return 'an HTML page';
  return text.startsWith('<') ? 'an XML text' : 'a text';
}

/** No control characters but white space, and mostly letters, digits and punctuation of ASCII; UTF-16 by its mark. */
function isText(start: Buffer, latin1: string): boolean {
  if (start.length === 0) return false;

  if (/^(\xff\xfe([\x09-\x7e]\0){2}|\xfe\xff(\0[\x09-\x7e]){2})/.test(latin1)) return true;

  if (/[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]/.test(latin1)) return false;
  const seen = latin1.match(/[\x21-\x7e]/g)?.length ?? 0;
  return isUtf8(start) ? seen > 0 || /[^\s]/.test(latin1) : seen > 0.6 * latin1.length;
}

function isUtf8(start: Buffer): boolean {
  try {
    // The last character may be cut.
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}
