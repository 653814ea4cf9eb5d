import { isId, type UserId } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

/** A working day: long enough to stay signed in, short enough that a lost one soon ends. */
export const sessionLifetimeMs = 12 * 3600 * 1000;

const kind: TokenKind = { typ: "session+jwt", lifetimeMaxS: sessionLifetimeMs / 1000 };
const audienceOf = (issuer: string): string => `${issuer}/v1`;

/** A signed-in user. The session stands while its `jti` is stored (`store/session.ts`). */
export interface Session {
  readonly user: UserId;
  readonly jti: string;
  readonly expiresAtMs: number;
}

/** Signs a session's bearer form, good for `/v1` of this issuer only. */
export function mintSession(session: Session, keys: KeySet, issuer: string, nowMs: number): Promise<string> {
  const claims = {
    iss: issuer,
    sub: session.user,
    aud: audienceOf(issuer),
    jti: session.jti,
    iat: Math.ceil(nowMs / 1000),
    exp: Math.floor(session.expiresAtMs / 1000),
  };
  return signJwt(kind, claims, keys);
}

/** Who a session token speaks for, or null; the caller still asks whether the session stands. */
export async function verifySession(
  token: string,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<Session | null> {
  const claims = await verifyJwt(token, kind, issuer, keys, nowMs);
  if (!claims || claims.aud !== audienceOf(issuer)) return null;
  if (!isId("usr", claims.sub) || !isId("ses", claims.jti)) return null;
  return { user: claims.sub, jti: claims.jti, expiresAtMs: claims.exp * 1000 };
}
