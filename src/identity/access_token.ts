import { type FamilyId, type GrantId, isId, newId, type Random, type TeamId } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

/** How long an access token lives: it is renewed without its person, so a short time costs nobody anything. */
export const accessLifetimeMs = 3600 * 1000;

const kind: TokenKind = { typ: "at+jwt", lifetimeMaxS: accessLifetimeMs / 1000 };

/** What a verified access token says (RFC 9068). Whether the grant and the sign-in still stand is the gate's to say. */
export interface AccessBearer {
  readonly grant: GrantId;
  readonly team: TeamId;
  /** The sign-in that it comes from. */
  readonly family: FamilyId;
  readonly client: string;
  /** The URL of the one gateway that it is for, as `resourceOf` writes it. */
  readonly audience: string;
  readonly expiresAtMs: number;
}

/** The URL by which tokens name a server's gateway (RFC 8707 §2); its `/key` address is the same audience. */
export const resourceOf = (origin: string, teamSlug: string, serverSlug: string): string =>
  `${origin}/mcp/${teamSlug}/${serverSlug}`;

/** Signs an access token. `issuer` is PUBLIC_ORIGIN; the expiry is cut to whole seconds. */
export function mintAccessToken(
  bearer: AccessBearer,
  scope: string,
  keys: KeySet,
  issuer: string,
  at: { readonly nowMs: number; readonly random: Random },
): Promise<string> {
  const claims = {
    iss: issuer,
    sub: bearer.grant,
    aud: bearer.audience,
    jti: newId("jti", at.random),
    iat: Math.floor(at.nowMs / 1000),
    exp: Math.floor(bearer.expiresAtMs / 1000),
    client_id: bearer.client,
    scope,
    team: bearer.team,
    family: bearer.family,
  };
  return signJwt(kind, claims, keys);
}

/** Who an access token speaks for, or null for anything that we did not sign as one for this issuer, or that expired. */
export async function verifyAccessToken(
  token: string,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<AccessBearer | null> {
  const claims = await verifyJwt(token, kind, issuer, keys, nowMs);
  if (!claims) return null;
  const { sub: grant, aud: audience, jti, team, family, client_id: client } = claims;
  if (!isId("grt", grant) || !isId("jti", jti)) return null;
  if (typeof client !== "string" || !audience.startsWith(`${issuer}/mcp/`)) return null;
  if (typeof team !== "string" || !isId("tm", team)) return null;
  if (typeof family !== "string" || !isId("fam", family)) return null;
  return { grant, team, family, client, audience, expiresAtMs: claims.exp * 1000 };
}
