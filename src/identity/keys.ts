import { type CryptoKey, calculateJwkThumbprint, importJWK, type JWK } from "jose";

/** The one algorithm of every token that Portcullis signs. */
export const algorithm = "EdDSA";

/** Our signing keys, read once per isolate. */
export interface KeySet {
  /** Changes whenever a key does; what is remembered about a token is remembered under it. */
  readonly version: string;
  readonly signer: { readonly kid: string; readonly key: CryptoKey };
  readonly verifiers: ReadonlyMap<string, CryptoKey>;
  readonly published: readonly JWK[];
}

/**
 * Reads the secret SIGNING_KEYS: a JSON array of private Ed25519 JWKs (RFC 8037). The first signs, all verify, so a next
 * key is published by appending it and used by moving it to the front. Throws on anything else: the Worker must not start.
 */
export async function readSigningKeys(secret: string): Promise<KeySet> {
  const given: unknown = JSON.parse(secret);
  if (!Array.isArray(given) || given.length === 0) throw new Error("SIGNING_KEYS is not a list of keys");
  const keys = await Promise.all(given.map(readKey));
  const [first] = keys;
  if (!first) throw new Error("SIGNING_KEYS is empty");
  return {
    version: keys.map((key) => key.kid).join("."),
    signer: { kid: first.kid, key: first.privateKey },
    verifiers: new Map(keys.map((key) => [key.kid, key.publicKey])),
    published: keys.map((key) => key.published),
  };
}

interface ReadKey {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  published: JWK;
}

async function readKey(given: unknown): Promise<ReadKey> {
  if (!isPrivateEd25519(given)) throw new Error("SIGNING_KEYS holds something else than an Ed25519 key");
  const { crv, d, kty, x } = given;
  const kid = await calculateJwkThumbprint({ kty, crv, x });
  const [privateKey, publicKey] = await Promise.all([
    importJWK({ kty, crv, x, d }, algorithm),
    importJWK({ kty, crv, x }, algorithm),
  ]);
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) {
    throw new Error("SIGNING_KEYS holds a symmetric key");
  }
  return { kid, privateKey, publicKey, published: { kty, crv, x, kid, alg: algorithm, use: "sig" } };
}

function isPrivateEd25519(value: unknown): value is { kty: "OKP"; crv: "Ed25519"; x: string; d: string } {
  if (typeof value !== "object" || value === null) return false;
  const { kty, crv, x, d } = value as Record<string, unknown>;
  return kty === "OKP" && crv === "Ed25519" && typeof x === "string" && typeof d === "string";
}

/** The JWKS document of `/.well-known/jwks.json`: public halves only. */
export const publicKeys = (keys: KeySet): { keys: readonly JWK[] } => ({ keys: keys.published });
