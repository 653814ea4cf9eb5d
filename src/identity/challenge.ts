import { isId, newId, type Random, type UserId } from "../id.ts";
import { signJwt, type TokenKind, verifyJwt } from "./jwt.ts";
import type { KeySet } from "./keys.ts";

const lifetimeMs = 5 * 60_000;
const kind: TokenKind = { typ: "challenge+jwt", lifetimeMaxS: lifetimeMs / 1000 };

/** What a challenge is for; none does for another. */
export type Purpose = "second_factor" | "confirmation" | "passkey_sign_in" | "passkey_registration";

/** Something to be proved, once, within five minutes. `user` null: by whoever has a passkey. */
export interface Challenge {
  readonly user: UserId | null;
  readonly jti: string;
  readonly expiresAtMs: number;
}

const anybody = "anybody";
const audienceOf = (issuer: string, purpose: Purpose): string => `${issuer}/v1#${purpose}`;

/**
 * A new challenge and its signed form, which the client gives back. Nothing is stored until it is answered: whoever asks
 * for challenges without end writes nothing.
 */
export async function mintChallenge(
  purpose: Purpose,
  user: UserId | null,
  from: { readonly keys: KeySet; readonly origin: string; readonly random: Random; readonly nowMs: number },
): Promise<{ readonly challenge: Challenge; readonly token: string }> {
  const { keys, origin, random, nowMs } = from;
  const iat = Math.floor(nowMs / 1000);
  const exp = iat + lifetimeMs / 1000;
  const jti = newId("chl", random);
  const claims = { iss: origin, sub: user ?? anybody, aud: audienceOf(origin, purpose), jti, iat, exp };
  return { challenge: { user, jti, expiresAtMs: exp * 1000 }, token: await signJwt(kind, claims, keys) };
}

/** The challenge of that purpose that we signed and whose time is not up, or null. Whether it was answered is the store's to say. */
export async function readChallenge(
  purpose: Purpose,
  token: string,
  from: { readonly keys: KeySet; readonly origin: string; readonly nowMs: number },
): Promise<Challenge | null> {
  const claims = await verifyJwt(token, kind, from.origin, from.keys, from.nowMs);
  if (!claims || claims.aud !== audienceOf(from.origin, purpose) || !isId("chl", claims.jti)) return null;
  const user = claims.sub === anybody ? null : claims.sub;
  if (user !== null && !isId("usr", user)) return null;
  return { user, jti: claims.jti, expiresAtMs: claims.exp * 1000 };
}
