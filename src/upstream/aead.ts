import { base64url } from "jose";
import type { Random } from "../id.ts";

/** 256-bit keys by version; the highest is the one that seals. */
export interface MasterKeys {
  readonly current: number;
  readonly keys: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

export const keyBytes = 32;
// NIST SP 800-38D: 96-bit IVs, random, so a key must seal fewer than 2^32 times; keys are per team.
const ivBytes = 12;
const record = /^([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/** Seals bytes with AES-256-GCM as `<version>.<iv>.<ciphertext and tag>`, the parts in base64url; `aad` and version are bound. */
export async function sealBytes(
  key: CryptoKey,
  version: number,
  aad: readonly string[],
  plaintext: Uint8Array,
  random: Random,
): Promise<string> {
  const iv = new Uint8Array(random(ivBytes));
  const box = await crypto.subtle.encrypt(algorithm(iv, version, aad), key, new Uint8Array(plaintext));
  return `${version}.${base64url.encode(iv)}.${base64url.encode(new Uint8Array(box))}`;
}

/** What was sealed under that key with the same `aad`, or null for anything else. */
export async function openBytes(
  key: CryptoKey,
  aad: readonly string[],
  sealed: string,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const [, version, iv, box] = record.exec(sealed) ?? [];
  if (version === undefined || iv === undefined || box === undefined) return null;
  const bytes = decoded(box);
  const how = algorithm(new Uint8Array(base64url.decode(iv)), Number(version), aad);
  try {
    return bytes && new Uint8Array(await crypto.subtle.decrypt(how, key, bytes));
  } catch {
    return null;
  }
}

/** A last character can have bits to spare, and a length can be none: one record has one text. */
function decoded(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 === 1) return null;
  const bytes = new Uint8Array(base64url.decode(text));
  return base64url.encode(bytes) === text ? bytes : null;
}

/** The key version that a record names, or null where it is not a record. */
export function versionOf(sealed: string): number | null {
  const version = record.exec(sealed)?.[1];
  return version === undefined ? null : Number(version);
}

// As a JSON array, so that no two lists of parts have one text.
const algorithm = (iv: Uint8Array<ArrayBuffer>, version: number, aad: readonly string[]) => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(JSON.stringify([version, ...aad])),
});

export const importKey = (bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

/**
 * A key of its own for one purpose (RFC 5869), so that no other record made with a master key opens under it; null where
 * there is no master key of that version.
 */
export async function derivedKey(
  master: MasterKeys,
  version: number,
  purpose: string,
): Promise<CryptoKey | null> {
  const bytes = master.keys.get(version);
  if (!bytes) return null;
  const secret = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`portcullis ${purpose}`);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(how, secret, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}
