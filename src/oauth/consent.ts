import type { UserId } from "../id.ts";
import { hashSecret } from "../identity/secret.ts";
import type { SignedIn } from "../identity/sign_in.ts";
import { isTaken } from "../store/database.ts";
import { findConsent, takeTicket } from "../store/oauth_consent.ts";
import { type Choice, listChoices, type Within } from "../store/offer.ts";
import { isOverQuota } from "../store/quota.ts";
import type { AuthorizationRequest } from "./authorization_request.ts";
import { giveGrant } from "./consented_grant.ts";
import type { OAuthCall } from "./deps.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import type { Parameters } from "./request.ts";

/** How many policies a page offers at most. */
export const choicesMax = 500;
const triesMax = 3;

/** What a person's choice is confined to: their session's one team, and the gateway that the client named. */
export const withinOf = ({ team }: SignedIn["session"], { gateway }: AuthorizationRequest): Within => ({
  team,
  gateway,
});

/** A question that was answered: what was asked, and the code for the client, or that the person said no. */
export interface Decided {
  readonly request: AuthorizationRequest;
  readonly outcome: { readonly code: string } | Refusal;
}

const denied = refuse("access_denied", "The person said no.");
const noQuestion = refuse(
  "invalid_request",
  "This page was answered already, or is older than 10 minutes. Go back to your program and start again.",
);
const notOffered = refuse(
  "access_denied",
  "This policy is not one that you may choose here, or not any more. Go back to your program and start again.",
);
const full = refuse(
  "access_denied",
  "The team has as many grants as it may have. Ask an admin of the team to revoke one, then start again.",
);

/** Takes a person's answer to the page. One question has one answer, by the session that was asked. */
export async function decide(
  call: OAuthCall,
  { user, session }: SignedIn,
  form: Parameters,
): Promise<Decided | Refusal> {
  const { deps, nowMs } = call;
  const taken = await takeTicket(deps.db, hashSecret(form.get("ticket") ?? ""), session.jti, nowMs);
  if (taken === null) return noQuestion;
  const request = JSON.parse(taken) as AuthorizationRequest;
  if (form.get("answer") !== "allow") return { request, outcome: denied };
  const choices = await listChoices(deps.db, user.id, withinOf(session, request), choicesMax);
  const choice = choices.find(({ policy }) => policy.id === form.get("policy"));
  if (!choice) return notOffered;
  const outcome = await consent(call, user.id, request, choice);
  return isRefusal(outcome) ? outcome : { request, outcome };
}

/** Gives the client a grant, or renews the one that the same consent gave before. */
async function consent(
  call: OAuthCall,
  member: UserId,
  request: AuthorizationRequest,
  choice: Choice,
): Promise<{ code: string } | Refusal> {
  const key = { team: choice.team.id, member, client: request.client.same, server: choice.server.id };
  for (let tries = 1; ; tries++) {
    const known = await findConsent(call.deps.db, key);
    try {
      return { code: await giveGrant(call, { key, request, choice }, known?.grant ?? null) };
    } catch (error) {
      if (isOverQuota(error)) return full;
      // Somebody agreed to the same in another window: renew what that made.
      if (!isTaken(error) || tries === triesMax) throw error;
    }
  }
}
