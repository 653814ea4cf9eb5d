import { base64url, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { algorithm, type KeySet } from "./keys.ts";

/** What distinguishes one kind of our tokens from another, so that none is taken for the other. */
export interface TokenKind {
  readonly typ: string;
  readonly lifetimeMaxS: number;
}

/** The claims of a verified token: all present, all of the type that RFC 7519 gives them. Times are in seconds. */
export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

const tokenCharsMax = 2048;
const clockSkewS = 60;

/** Claims of a kind's own besides; whoever reads them checks their types. */
export type OwnClaims = Readonly<Record<string, unknown>>;

/** Signs with the set's first key. `claims` are taken as they are. */
export function signJwt(kind: TokenKind, claims: Claims & OwnClaims, keys: KeySet): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm, typ: kind.typ, kid: keys.signer.kid })
    .sign(keys.signer.key);
}

/**
 * The claims of a token that one of `keys` signed for this kind and issuer and that has not expired, or null. The caller
 * checks `sub`, `aud`, `jti` and the kind's own. Keys come from `keys` alone: `jku`, `x5u`, `jwk` and any other header make it null.
 */
export async function verifyJwt(
  token: string,
  kind: TokenKind,
  issuer: string,
  keys: KeySet,
  nowMs: number,
): Promise<(Claims & OwnClaims) | null> {
  const kid = token.length <= tokenCharsMax ? kidOf(token, kind) : null;
  const key = kid === null ? undefined : keys.verifiers.get(kid);
  if (!key) return null;
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      issuer,
      typ: kind.typ,
      currentDate: new Date(nowMs),
    });
    return claimsOf(payload, kind, issuer, nowMs);
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

/** The key's id, where the header says exactly what ours say and the signature is written the one canonical way. */
function kidOf(token: string, kind: TokenKind): string | null {
  try {
    const header: Record<string, unknown> = decodeProtectedHeader(token);
    if (Object.keys(header).sort().join() !== "alg,kid,typ") return null;
    const { alg, kid, typ } = header;
    if (alg !== algorithm || typ !== kind.typ || typeof kid !== "string") return null;
    const signature = token.split(".")[2] ?? "";
    // The last character carries unused bits (RFC 4648 §3.5): without this, four texts would be one token.
    return base64url.encode(base64url.decode(signature)) === signature ? kid : null;
  } catch (error) {
    if (error instanceof TypeError || error instanceof errors.JOSEError) return null;
    throw error;
  }
}

function claimsOf(
  payload: JWTPayload,
  kind: TokenKind,
  issuer: string,
  nowMs: number,
): (Claims & OwnClaims) | null {
  const { iss, sub, aud, jti, iat, exp } = payload;
  if (iss !== issuer || typeof sub !== "string" || typeof aud !== "string" || typeof jti !== "string")
    return null;
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return null;
  if (typeof iat !== "number" || typeof exp !== "number") return null;
  const nowS = nowMs / 1000;
  if (exp <= nowS || iat > nowS + clockSkewS || exp - iat > kind.lifetimeMaxS) return null;
  return { ...payload, iss, sub, aud, jti, iat, exp };
}
