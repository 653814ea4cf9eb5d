import { createHash } from "node:crypto";
import { type CryptoKey, errors, importJWK, type JWK } from "jose";
import type { IssuerAlgorithm } from "./issuer.ts";

/** An issuer's public keys, as one look at its JWKS found them. */
export interface IssuerKeys {
  /** Changes whenever a key does; what is remembered about a token is remembered under it. */
  readonly version: string;
  readonly keys: readonly JWK[];
  readonly imported: Map<string, CryptoKey>;
}

const keysMax = 100;

/** The keys of a JWKS (RFC 7517 §5) that may check a signature; null where the document is none. */
export function readIssuerKeys(document: unknown): IssuerKeys | null {
  const given =
    typeof document === "object" && document !== null && "keys" in document ? document.keys : null;
  if (!Array.isArray(given)) return null;
  const keys = given.slice(0, keysMax).flatMap((one) => publicKey(one) ?? []);
  const version = createHash("sha256").update(JSON.stringify(keys)).digest("hex").slice(0, 16);
  return { version, keys, imported: new Map() };
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Only what a public key is made of: a symmetric key, or a private part that somebody published by mistake, is not taken. */
function publicKey(given: unknown): JWK | null {
  if (typeof given !== "object" || given === null) return null;
  const jwk = given as Record<string, unknown>;
  const { kty, use, key_ops: operations } = jwk;
  if (kty !== "RSA" && kty !== "EC" && kty !== "OKP") return null;
  if (use !== undefined && use !== "sig") return null;
  if (Array.isArray(operations) && !operations.includes("verify")) return null;
  const parts = { kid: text(jwk["kid"]), alg: text(jwk["alg"]), crv: text(jwk["crv"]) };
  const numbers = { n: text(jwk["n"]), e: text(jwk["e"]), x: text(jwk["x"]), y: text(jwk["y"]) };
  const known = Object.entries({ ...parts, ...numbers }).filter(([, value]) => value !== undefined);
  return { kty, ...Object.fromEntries(known) };
}

/**
 * The key that checks a signature of that header, or null: `kid` names it, and may be left out where there is only one
 * that fits the algorithm. A key that is meant for another algorithm never fits.
 */
export async function issuerKeyFor(
  { keys, imported }: IssuerKeys,
  alg: IssuerAlgorithm,
  kid: string | undefined,
): Promise<CryptoKey | null> {
  const fitting = keys.filter((key) => fits(key, alg) && (kid === undefined || key.kid === kid));
  const [jwk] = fitting;
  if (!jwk || fitting.length > 1) return null;
  const name = `${alg} ${keys.indexOf(jwk)}`;
  const known = imported.get(name);
  if (known) return known;
  const key = await importPublic(jwk, alg);
  if (key) imported.set(name, key);
  return key;
}

/** Whether any key can check a signature of one of these algorithms. */
export const isUsable = ({ keys }: IssuerKeys, algorithms: readonly IssuerAlgorithm[]): boolean =>
  keys.some((key) => algorithms.some((alg) => fits(key, alg)));

const curves: Partial<Record<IssuerAlgorithm, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
  Ed25519: "Ed25519",
};

// NIST SP 800-131A: 2048 bits, which are 342 characters of base64url; jose holds RSA keys to that once more.
const modulusCharsMin = 340;

function fits({ kty, crv, alg: meant, n }: JWK, alg: IssuerAlgorithm): boolean {
  if (meant !== undefined && meant !== alg) return false;
  const curve = curves[alg];
  if (curve === undefined) return kty === "RSA" && (n?.length ?? 0) >= modulusCharsMin;
  return kty === (curve === "Ed25519" ? "OKP" : "EC") && crv === curve;
}

async function importPublic(jwk: JWK, alg: IssuerAlgorithm): Promise<CryptoKey | null> {
  try {
    const key = await importJWK(jwk, alg);
    return key instanceof Uint8Array ? null : key;
  } catch (error) {
    // WebCrypto's own complaints about a number that is no key, and jose's.
    if (error instanceof errors.JOSEError || error instanceof DOMException || error instanceof TypeError)
      return null;
    throw error;
  }
}
