import { hashSecret } from "../identity/secret.ts";
import { findCode, useCode } from "../store/oauth_consent.ts";
import { findFamily } from "../store/oauth_family.ts";
import { answerTokens, end } from "./family.ts";
import { fitsChallenge } from "./pkce.ts";
import { refuse } from "./refusal.ts";
import { type GrantType, isFor, proveSignedIn, wrongResource } from "./signed_in.ts";

const badCode = refuse(
  "invalid_grant",
  "The code is not valid: it works once, for 60 seconds, and for the client that it was given to. Start again.",
);

/** RFC 6749 §4.1.3. The client is known by the code before anything is asked of its own address. */
export const redeemCode: GrantType = async (call, form, credentials) => {
  const { deps, nowMs } = call;
  const hash = hashSecret(form.get("code") ?? "");
  const code = await findCode(deps.db, hash);
  const family = code && (await findFamily(deps.db, code.family));
  if (!family || family.client !== credentials.clientId) return badCode;
  const refused = await proveSignedIn(call, family, credentials);
  if (refused) return refused;
  // RFC 6749 §4.1.2: who uses a code a second time may not be who used it first, so neither keeps anything.
  if (code.usedAt !== null || (code.expiresAt > nowMs && !(await useCode(deps.db, hash, nowMs)))) {
    await end(call, family, "code_used_twice");
    return badCode;
  }
  const redirectUri = form.get("redirect_uri");
  if (code.expiresAt <= nowMs || family.endsAt <= nowMs) return badCode;
  if (redirectUri !== undefined && redirectUri !== code.redirectUri) {
    return refuse("invalid_grant", "redirect_uri is not the one that the code was sent to.");
  }
  if (!fitsChallenge(form.get("code_verifier") ?? "", code.challenge)) {
    return refuse("invalid_grant", "code_verifier does not fit the code_challenge of the request.");
  }
  return isFor(form, family.resource)
    ? answerTokens(call, family, family.resource, family.generation)
    : wrongResource;
};
