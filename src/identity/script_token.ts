import { isId, type ScriptTokenId, type UserId } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

/** A script's token lives a year at most, as a grant's does. */
export const scriptTokenLifetimeMaxMs = 365 * 24 * 3600 * 1000;

const kind: TokenKind = { typ: "script+jwt", lifetimeMaxS: scriptTokenLifetimeMaxMs / 1000 };
const audienceOf = (issuer: string): string => `${issuer}/v1`;

/** What a script's token says. What it may do, and whether it stands, is stored (`store/script_token.ts`). */
export interface ScriptBearer {
  readonly user: UserId;
  readonly jti: ScriptTokenId;
  readonly expiresAtMs: number;
}

/** Signs a script's token, good for `/v1` of this issuer only. */
export function mintScriptToken(
  bearer: ScriptBearer,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<string> {
  const claims = {
    iss: issuer,
    sub: bearer.user,
    aud: audienceOf(issuer),
    jti: bearer.jti,
    iat: Math.ceil(nowMs / 1000),
    exp: Math.floor(bearer.expiresAtMs / 1000),
  };
  return signJwt(kind, claims, keys);
}

/** Whose script a token is, or null; the caller still asks whether the token stands. */
export async function verifyScriptToken(
  token: string,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<ScriptBearer | null> {
  const claims = await verifyJwt(token, kind, issuer, keys, nowMs);
  if (!claims || claims.aud !== audienceOf(issuer)) return null;
  if (!isId("usr", claims.sub) || !isId("tok", claims.jti)) return null;
  return { user: claims.sub, jti: claims.jti, expiresAtMs: claims.exp * 1000 };
}
