import { sha1 } from '@noble/hashes/sha1';
import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';

/*
 * Deterministic UIDs: the same source, settings and code give the same UIDs, so sending twice never makes a second copy; other pixels never
 * come under a UID that a PACS already has. PS3.5 B.2: "2.25." and the UUID as one decimal integer; the UUID is version 5 (RFC 9562, 5.5).
 */

/** UUIDv5 of "urn:iscl-ct-denoise:derived" in the URL namespace. Never changes. */
const NAMESPACE = 'df04ff65a0375c30b5a82ce4301c407c';

/** `2.25.` UID named by the parts. Parts are joined as JSON, so that no two lists of parts give one name. */
export function deterministicUid(parts: readonly (string | number)[]): string {
  return uidFromUuid(uuidV5(NAMESPACE, JSON.stringify(parts)));
}

/** One name for a set of instances, whatever their order: SHA-1 (hex) of their sorted SOP Instance UIDs. */
export function slicesDigest(sopInstanceUids: Iterable<string>): string {
  return bytesToHex(sha1(new TextEncoder().encode([...sopInstanceUids].sort().join(' '))));
}

/** UUID version 5 as 32 hex digits. @param namespace 32 hex digits */
export function uuidV5(namespace: string, name: string): string {
  const name8 = new TextEncoder().encode(name);
  const input = new Uint8Array(16 + name8.length);
  for (let i = 0; i < 16; i++) input[i] = Number.parseInt(namespace.slice(2 * i, 2 * i + 2), 16);
  input.set(name8, 16);
  const uuid = sha1(input).slice(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return bytesToHex(uuid);
}

/** @param uuid 32 hex digits */
export function uidFromUuid(uuid: string): string {
  return `2.25.${BigInt(`0x${uuid}`)}`;
}

/**
 * SHA-256 as hex. Web Crypto where there is one (ten times faster); it is absent on pages served over plain HTTP, as many hospitals do.
 */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return bytesToHex(sha256(bytes));
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)));
}
