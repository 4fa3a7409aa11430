import dcmjs from 'dcmjs';

/** SHA-256 of `bytes`, hex. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of the uncompressed Pixel Data of a single-frame Part 10 file, hex. */
export async function pixelHashOf(part10: Uint8Array): Promise<string> {
  const { DicomMessage } = dcmjs.data as unknown as {
    DicomMessage: { readFile(buffer: ArrayBuffer): { dict: Record<string, { Value: unknown[] }> } };
  };
  const { dict } = DicomMessage.readFile(part10.slice().buffer);
  const value = dict['7FE00010']?.Value[0] as ArrayBuffer;
  return sha256Hex(new Uint8Array(value));
}
