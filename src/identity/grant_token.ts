import { type GrantId, isId, type TeamId } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

/** A grant's bearer form lives a year at most (security.md §2); so may the grant. */
export const grantLifetimeMaxMs = 365 * 24 * 3600 * 1000;

const kind: TokenKind = { typ: "grant+jwt", lifetimeMaxS: grantLifetimeMaxMs / 1000 };
const audiencePrefix = "portcullis:";

/** What a verified grant token says. Whether the grant and this `jti` still stand is its gate's to say. */
export interface GrantBearer {
  readonly grant: GrantId;
  readonly team: TeamId;
  readonly jti: string;
  readonly expiresAtMs: number;
}

/** Signs the bearer form of a grant. `issuer` is PUBLIC_ORIGIN; the expiry is cut to whole seconds. */
export function mintGrantToken(
  bearer: GrantBearer,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<string> {
  const claims = {
    iss: issuer,
    sub: bearer.grant,
    aud: `${audiencePrefix}${bearer.team}`,
    jti: bearer.jti,
    iat: Math.ceil(nowMs / 1000),
    exp: Math.floor(bearer.expiresAtMs / 1000),
  };
  return signJwt(kind, claims, keys);
}

/** Who a grant token speaks for, or null for anything that we did not sign as one for this issuer, or that expired. */
export async function verifyGrantToken(
  token: string,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<GrantBearer | null> {
  const claims = await verifyJwt(token, kind, issuer, keys, nowMs);
  if (!claims?.aud.startsWith(audiencePrefix)) return null;
  const team = claims.aud.slice(audiencePrefix.length);
  if (!isId("tm", team) || !isId("grt", claims.sub) || !isId("jti", claims.jti)) return null;
  return { grant: claims.sub, team, jti: claims.jti, expiresAtMs: claims.exp * 1000 };
}
