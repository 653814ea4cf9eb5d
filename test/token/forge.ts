import { base64url, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";

export type Part = Readonly<Record<string, unknown>>;

/** A token that we gave out, taken apart, and what an attacker may use to make others of it. */
export interface Good {
  readonly text: string;
  readonly header: Part;
  readonly claims: Part;
  /** The gateway's own private key: what it signs and yet must not take. */
  readonly own: CryptoKey;
  readonly ownPublic: JWK;
  /** An attacker's. */
  readonly other: CryptoKey;
  readonly otherPublic: JWK;
}

/** Takes a token apart that the private JWK `own` has signed. */
export async function takeApart(text: string, own: JWK): Promise<Good> {
  const [header = "", claims = ""] = text.split(".");
  const { d: _, ...ownPublic } = own;
  const other = await generateKeyPair("EdDSA", { extractable: true });
  return {
    text,
    header: parsed(header),
    claims: parsed(claims),
    own: (await importJWK(own, "EdDSA")) as CryptoKey,
    ownPublic,
    other: other.privateKey,
    otherPublic: await exportJWK(other.publicKey),
  };
}

const parsed = (part: string): Part => JSON.parse(new TextDecoder().decode(base64url.decode(part)));

export const encoded = (value: unknown): string =>
  base64url.encode(typeof value === "string" ? value : JSON.stringify(value));

/** The signature of what stands before it, by an Ed25519 key. */
export async function signature(input: string, key: CryptoKey): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key, new TextEncoder().encode(input)));
}

/** A compact JWS of a header and claims as they are given, each an object or its JSON text. */
export async function signed(header: unknown, claims: unknown, key: CryptoKey): Promise<string> {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${base64url.encode(await signature(input, key))}`;
}

/** The same with an HMAC under a secret that everybody knows. */
export async function authenticated(
  header: unknown,
  claims: unknown,
  secret: Uint8Array,
  hash: string,
): Promise<string> {
  const input = `${encoded(header)}.${encoded(claims)}`;
  const algorithm = { name: "HMAC", hash };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input));
  return `${input}.${base64url.encode(new Uint8Array(mac))}`;
}
