import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";

/** The Worker's two secrets, in the form that it reads them from its environment. */
export interface Secrets {
  /** `<version>:<base64url of 32 bytes>`, newest first, comma-separated: what wraps the teams' data keys. */
  readonly MASTER_KEYS: string;
  /** A JSON array of private Ed25519 JWKs, the signing one first. */
  readonly SIGNING_KEYS: string;
}

export function newSecrets(): Secrets {
  return {
    MASTER_KEYS: `1:${randomBytes(32).toString("base64url")}`,
    SIGNING_KEYS: JSON.stringify([newSigningKey()]),
  };
}

export function newSigningKey(): Record<string, unknown> {
  const { crv, d, kty, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { kty, crv, x, d, alg: "EdDSA", use: "sig", kid: thumbprint({ crv, kty, x }) };
}

/** RFC 7638: SHA-256 over the required members in code-point order. */
function thumbprint(members: { crv: unknown; kty: unknown; x: unknown }): string {
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
}

/** The dotenv text of these settings. None of the values may hold a single quote. */
export const envFile = (values: object): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}='${String(value)}'\n`)
    .join("");
