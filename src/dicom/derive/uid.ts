import { sha1 } from '@noble/hashes/sha1';
import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';
import { v5 } from 'uuid';

/*
 * Deterministic UIDs: the same source, settings and code give the same UIDs, so sending twice never makes a second copy; other pixels never
 * come under a UID that a PACS already has. PS3.5 B.2: "2.25." and the UUID as one decimal integer; the UUID is version 5 (RFC 9562, 5.5).
 */

/** UUIDv5 of "urn:iscl-ct-denoise:derived" in the URL namespace. Never changes. */
const NAMESPACE = 'df04ff65-a037-5c30-b5a8-2ce4301c407c';

/** `2.25.` UID named by the parts. Parts are joined as JSON, so that no two lists of parts give one name. */
export function deterministicUid(parts: readonly (string | number)[]): string {
  return uidFromUuid(v5(new TextEncoder().encode(JSON.stringify(parts)), NAMESPACE));
}

/** One name for a set of instances, whatever their order: SHA-1 (hex) of their sorted SOP Instance UIDs. */
export function slicesDigest(sopInstanceUids: Iterable<string>): string {
  return bytesToHex(sha1(new TextEncoder().encode([...sopInstanceUids].sort().join(' '))));
}

const uidFromUuid = (uuid: string): string => `2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`;

/**
 * SHA-256 as hex. Web Crypto where there is one (ten times faster); it is absent on pages served over plain HTTP, as many hospitals do.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return bytesToHex(sha256(bytes));
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));
}
