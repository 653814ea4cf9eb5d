import { type FamilyId, isId, newId, type Random } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

/** A client that stays away for longer has to ask its person again. */
export const refreshLifetimeMs = 30 * 24 * 3600 * 1000;

const kind: TokenKind = { typ: "rt+jwt", lifetimeMaxS: refreshLifetimeMs / 1000 };
const audienceOf = (issuer: string): string => `${issuer}/token`;

/**
 * What a refresh token says: which sign-in it renews, and which of its tokens it is. It is signed and not stored: the
 * sign-in knows the generation that may be used next, so an earlier one is known to have been used.
 */
export interface RefreshBearer {
  readonly family: FamilyId;
  readonly generation: number;
  readonly expiresAtMs: number;
}

/** Signs a refresh token. `issuer` is PUBLIC_ORIGIN; the expiry is cut to whole seconds. */
export function mintRefreshToken(
  bearer: RefreshBearer,
  keys: KeySet,
  issuer: string,
  at: { readonly nowMs: number; readonly random: Random },
): Promise<string> {
  const claims = {
    iss: issuer,
    sub: bearer.family,
    aud: audienceOf(issuer),
    jti: newId("jti", at.random),
    iat: Math.floor(at.nowMs / 1000),
    exp: Math.floor(bearer.expiresAtMs / 1000),
    generation: bearer.generation,
  };
  return signJwt(kind, claims, keys);
}

/** What a refresh token says, or null for anything that we did not sign as one for this issuer, or that expired. */
export async function verifyRefreshToken(
  token: string,
  keys: KeySet,
  issuer: string,
  nowMs: number,
): Promise<RefreshBearer | null> {
  const claims = await verifyJwt(token, kind, issuer, keys, nowMs);
  if (!claims || claims.aud !== audienceOf(issuer)) return null;
  const { sub: family, jti, generation } = claims;
  if (
    !isId("fam", family) ||
    !isId("jti", jti) ||
    typeof generation !== "number" ||
    !Number.isSafeInteger(generation)
  )
    return null;
  return { family, generation, expiresAtMs: claims.exp * 1000 };
}
