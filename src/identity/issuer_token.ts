import { base64url, type CompactJWSHeaderParameters, type CryptoKey, compactVerify, errors } from "jose";
import type { IssuerAlgorithm } from "./issuer.ts";
import { type IssuerKeys, issuerKeyFor } from "./issuer_keys.ts";
import type { IssuerClaims } from "./mapping.ts";

/** What a token must be to count: of this issuer, for this audience, and of this kind. */
export interface Expected {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly IssuerAlgorithm[];
  /** `typ` as RFC 7515 §4.1.9 shortens it, in lower case; undefined: it may be left out. */
  readonly types: readonly (string | undefined)[];
}

/** The `typ` of what an agent may show: a JWT access token (RFC 9068 §2.1), or a plain JWT. */
export const bearerTypes = ["at+jwt", "jwt", undefined] as const;
/** The `typ` of an ID token (OpenID Connect Core §2 names none). */
export const idTokenTypes = ["jwt", undefined] as const;

/** A token before its signature is checked: nothing of it may be acted on. */
export interface Unverified {
  readonly header: CompactJWSHeaderParameters & Record<string, unknown>;
  readonly claims: IssuerClaims;
}

/** A token that counts. Times are in seconds. */
export interface Verified {
  readonly sub: string;
  readonly iat: number;
  readonly exp: number;
  readonly claims: IssuerClaims;
}

/** Why a token does not count, for the admin who tries one; `unknownKey`: newer keys could change that. */
export interface Unfit {
  readonly why: string;
  readonly unknownKey?: true;
}

export const isUnfit = (given: object): given is Unfit => "why" in given;

/** Entra with every group writes about 6 KB; nothing of use is longer than this. */
export const tokenCharsMax = 16_384;
/** How long a token of somebody else's may live: the longer, the longer a lost one works. */
const lifetimeMaxS = 24 * 3600;
/** How far another machine's clock may be off, either way. */
export const clockSkewS = 60;
// OpenID Connect Core §2: 255 ASCII characters.
const subjectPattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The parts of a compact JWS that hold a header and claims, or why it has none. */
export function readUnverified(token: string): Unverified | Unfit {
  if (token.length > tokenCharsMax) return { why: `The token is longer than ${tokenCharsMax} characters.` };
  const parts = token.split(".");
  if (parts.length !== 3 || !parts.every(isCanonical)) return { why: "This is not a signed JWT." };
  const [header, claims] = parts.slice(0, 2).map(jsonObject);
  return header && claims
    ? { header: header as Unverified["header"], claims }
    : { why: "The token's header or claims are not a JSON object." };
}

/** The last character can carry bits to spare (RFC 4648 §3.5): one token has one text. */
const isCanonical = (part: string): boolean =>
  /^[A-Za-z0-9_-]+$/.test(part) && part.length % 4 !== 1 && base64url.encode(base64url.decode(part)) === part;

function jsonObject(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(base64url.decode(part)));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

// Keys come from the issuer's JWKS alone, and nothing here knows an extension (RFC 7515 §4.1.11).
const refusedParameters = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "enc", "zip"];

/** Checks a token against what is expected of it, by these keys; says why where it does not count. */
export async function verifyIssuerToken(
  token: string,
  expected: Expected,
  keys: IssuerKeys,
  nowMs: number,
): Promise<Verified | Unfit> {
  const read = readUnverified(token);
  if (isUnfit(read)) return read;
  const said = whyHeader(read, expected) ?? whyClaims(read.claims, expected, nowMs / 1000);
  if (said) return { why: said };
  const { alg, kid } = read.header;
  const key = await issuerKeyFor(keys, alg as IssuerAlgorithm, kid);
  if (!key) return { why: "The issuer publishes no such key for this algorithm.", unknownKey: true };
  if (!(await signatureHolds(token, key, alg))) return { why: "The signature is not the issuer's." };
  const { sub, iat, exp } = read.claims as { sub: string; iat: number; exp: number };
  return { sub, iat, exp, claims: read.claims };
}

function whyHeader({ header }: Unverified, { algorithms, types }: Expected): string | null {
  const refused = refusedParameters.find((name) => Object.hasOwn(header, name));
  if (refused) return `The token's header has \`${refused}\`, which is never taken.`;
  const { alg, kid, typ } = header;
  if (!algorithms.some((one) => one === alg)) {
    return `The token is signed with ${shown(alg)}; this issuer may use ${algorithms.join(", ")}.`;
  }
  if (kid !== undefined && typeof kid !== "string") return "The token's `kid` is not text.";
  const type = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : typ;
  return types.some((one) => one === type) ? null : `A token of the type ${shown(typ)} does not count here.`;
}

function whyClaims(claims: IssuerClaims, expected: Expected, nowS: number): string | null {
  const { iss, sub, aud, cnf } = claims;
  if (iss !== expected.issuer) return `The token's \`iss\` is ${shown(iss)}, not ${expected.issuer}.`;
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.includes(expected.audience)) {
    return `The token's \`aud\` is ${shown(aud)}; it must hold ${expected.audience}.`;
  }
  if (typeof sub !== "string" || !subjectPattern.test(sub)) {
    return "The token's `sub` must be 1 to 255 printable ASCII characters.";
  }
  // RFC 7800: it is bound to a key that nobody here asks for, so as a bearer it would lose that.
  if (cnf !== undefined)
    return "The token is bound to a key (`cnf`), so it is not for use as a bearer token.";
  return whyTimes(claims, nowS);
}

function whyTimes({ iat, exp, nbf }: IssuerClaims, nowS: number): string | null {
  if (!isTime(exp)) return "The token's `exp` must be a number: when it ends, in seconds since 1970.";
  if (!isTime(iat)) return "The token's `iat` must be a number: when it was issued, in seconds since 1970.";
  if (exp <= nowS - clockSkewS) return "The token has expired.";
  if (iat > nowS + clockSkewS) return "The token's `iat` is in the future.";
  if (exp - iat > lifetimeMaxS) return "The token lives longer than 24 hours (`exp` - `iat`).";
  if (nbf === undefined) return null;
  return isTime(nbf) && nbf <= nowS + clockSkewS ? null : "The token's `nbf` is no time, or in the future.";
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;

const shown = (value: unknown): string => (JSON.stringify(value) ?? "none").slice(0, 120);

async function signatureHolds(token: string, key: CryptoKey, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return false;
    throw error;
  }
}
