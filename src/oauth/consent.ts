import { newId } from "../id.ts";
import { resourceOf } from "../identity/access_token.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import type { SignedIn } from "../identity/sign_in.ts";
import { isTaken } from "../store/database.ts";
import { type Grant, insertGrant } from "../store/grant.ts";
import { keepClient } from "../store/oauth_client.ts";
import {
  attachChosen,
  type Consent,
  findConsent,
  insertCode,
  insertConsent,
  renewGrant,
  takeTicket,
} from "../store/oauth_consent.ts";
import { dropFamilies, type Family, insertFamily } from "../store/oauth_family.ts";
import { type Choice, listChoices, type Within } from "../store/offer.ts";
import { holdTo, isOverQuota } from "../store/quota.ts";
import type { AuthorizationRequest } from "./authorization_request.ts";
import { legibleName } from "./client_name.ts";
import type { OAuthCall } from "./deps.ts";
import { commit, scope } from "./family.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import { usedMs } from "./registration.ts";
import type { Parameters } from "./request.ts";

/** How many policies a page offers at most. */
export const choicesMax = 500;
/** A person is asked again after this; what they agreed to ends then. */
const lastsMs = 90 * 24 * 3_600_000;
const codeMs = 60_000;
// The same client on several machines; the oldest sign-in makes room.
const familiesMax = 20;
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

/** Gives the client its grant, or renews the one it has, which keeps its counts; and a code for its first tokens. */
async function consent(
  call: OAuthCall,
  member: Grant["creator"],
  request: AuthorizationRequest,
  choice: Choice,
): Promise<{ code: string } | Refusal> {
  const key = { team: choice.team.id, member, client: request.client.same, server: choice.server.id };
  for (let tries = 1; ; tries++) {
    const known = await findConsent(call.deps.db, key);
    try {
      return { code: await write(call, key, request, choice, known?.grant ?? null) };
    } catch (error) {
      if (isOverQuota(error)) return full;
      // Somebody agreed to the same in another window: renew what that made.
      if (!isTaken(error) || tries === triesMax) throw error;
    }
  }
}

async function write(
  call: OAuthCall,
  key: Consent,
  request: AuthorizationRequest,
  choice: Choice,
  known: Grant["id"] | null,
): Promise<string> {
  const { deps, nowMs } = call;
  const { db } = deps;
  const expiresAt = Math.floor((nowMs + lastsMs) / 1000) * 1000;
  const grant = known ?? newId("grt", deps.random);
  const label = `OAuth: ${legibleName(request.client)}`;
  const family = familyOf(call, grant, request, choice, expiresAt);
  const code = newSecret(deps.random);
  const granted = known
    ? [renewGrant(db, key.team, known, expiresAt)]
    : [insertGrant(db, newGrant(key, grant, label, expiresAt, nowMs)), ...insertConsent(db, key, grant)];
  const changes = [
    ...granted,
    // One that had expired stands again, so it takes a place as a new one does.
    holdTo(db, "grants", { team: key.team, nowMs }),
    attachChosen(db, key, grant, choice.policy.id),
    insertFamily(db, family),
    dropFamilies(db, grant, familiesMax, nowMs),
    ...insertCode(
      db,
      hashSecret(code),
      {
        family: family.id,
        redirectUri: request.redirectUri,
        challenge: request.challenge,
        expiresAt: nowMs + codeMs,
      },
      nowMs,
    ),
    keepClient(db, request.client.id, nowMs + usedMs),
  ];
  await commit(call, key.team, { of: "grant", grant }, changes, {
    actor: key.member,
    action: known ? "grant.renewed" : "grant.created",
    subject: grant,
    detail: {
      label,
      client: request.client.id.slice(0, 300),
      server: choice.server.slug,
      policy: choice.policy.slug,
    },
  });
  return code;
}

const newGrant = (
  { team, member }: Consent,
  id: Grant["id"],
  label: string,
  expiresAt: number,
  nowMs: number,
): Grant => ({
  id,
  team,
  label,
  tags: [],
  member,
  creator: member,
  expiresAt,
  revokedAt: null,
  createdAt: nowMs,
});

const familyOf = (
  { deps, nowMs }: OAuthCall,
  grant: Grant["id"],
  { client }: AuthorizationRequest,
  { team, server }: Choice,
  notAfter: number,
): Family => ({
  id: newId("fam", deps.random),
  grant,
  client: client.id,
  clientMethod: client.method,
  resource: resourceOf(deps.origin, team.slug, server.slug),
  scope,
  generation: 1,
  rotatedAt: nowMs,
  notAfter,
  createdAt: nowMs,
});
