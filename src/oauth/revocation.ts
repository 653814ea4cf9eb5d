import { verifyAccessToken } from "../identity/access_token.ts";
import { verifyRefreshToken } from "../identity/refresh_token.ts";
import { findFamily } from "../store/oauth_family.ts";
import { readCredentials } from "./client_auth.ts";
import type { OAuthCall } from "./deps.ts";
import { end } from "./family.ts";
import { answerJson, answerRefusal, isRefusal } from "./refusal.ts";
import { readForm } from "./request.ts";
import { proveSignedIn } from "./signed_in.ts";

/**
 * `POST /revoke` (RFC 7009): ends the sign-in that an access or refresh token comes from. What is no token, or one that
 * has ended, is answered as if it had worked (§2.2). 202 where the gate has yet to hear of it.
 */
export async function revoke(request: Request, call: OAuthCall): Promise<Response> {
  const form = await readForm(request);
  if (isRefusal(form)) return answerRefusal(form);
  const credentials = readCredentials(request.headers, form);
  if (isRefusal(credentials)) return answerRefusal(credentials);
  const { deps, nowMs } = call;
  const shown = form.get("token") ?? "";
  const token =
    (await verifyRefreshToken(shown, deps.keys, deps.origin, nowMs)) ??
    (await verifyAccessToken(shown, deps.keys, deps.origin, nowMs));
  const family = token && (await findFamily(deps.db, token.family));
  // Another client's token is none of this one's, and it learns no more of it.
  if (!family || family.client !== credentials.clientId) return answerJson({});
  const refused = await proveSignedIn(call, family, credentials);
  if (refused) return answerRefusal(refused);
  const inForce = await end(call, family, "revoked");
  return answerJson({}, inForce && inForce.pending > 0 ? 202 : 200);
}
