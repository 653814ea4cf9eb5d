import { verifyRefreshToken } from "../identity/refresh_token.ts";
import { findFamily, rotateFamily, type StandingFamily } from "../store/oauth_family.ts";
import type { OAuthCall } from "./deps.ts";
import { answerTokens, end } from "./family.ts";
import { refuse } from "./refusal.ts";
import { type GrantType, isFor, proveSignedIn, wrongResource } from "./signed_in.ts";

/** For how long a client that did not get its answer may ask again with the token it has used. */
const graceMs = 30_000;

const badRefresh = refuse(
  "invalid_grant",
  "The refresh token is not valid: it works once, and its sign-in may have ended. Ask the person again.",
);

/**
 * RFC 6749 §6, with rotation. A token that was used before ends its sign-in (RFC 9700 §4.14.2): of its two users one is
 * not the client.
 */
export const refresh: GrantType = async (call, form, credentials) => {
  const { deps, nowMs } = call;
  const shown = await verifyRefreshToken(form.get("refresh_token") ?? "", deps.keys, deps.origin, nowMs);
  const family = shown && (await findFamily(deps.db, shown.family));
  if (!family || family.client !== credentials.clientId) return badRefresh;
  const refused = await proveSignedIn(call, family, credentials);
  if (refused) return refused;
  const { generation } = shown;
  if (family.endsAt <= nowMs || generation > family.generation) return badRefresh;
  if (!isFor(form, family.resource)) return wrongResource;
  const isNext = generation === family.generation;
  if (isNext && (await rotateFamily(deps.db, family.id, generation, nowMs))) {
    return answerTokens(call, family, family.resource, generation + 1);
  }
  const now = await findFamily(deps.db, family.id);
  if (now && isRetry(now, generation, call)) return answerTokens(call, now, now.resource, now.generation);
  await end(call, family, "refresh_token_used_twice");
  return badRefresh;
};

/**
 * Whether a used token comes from a client that asks again: it is the direct predecessor, for a moment, of one that nobody
 * has used yet, and gives that generation once more. So a lost answer or two requests at once are no theft, and a thief
 * gains nothing that stays unnoticed.
 */
const isRetry = (family: StandingFamily, generation: number, { nowMs }: OAuthCall): boolean =>
  generation === family.generation - 1 && nowMs - family.rotatedAt <= graceMs && family.endsAt > nowMs;
