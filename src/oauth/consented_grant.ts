import { type GrantId, newId } from "../id.ts";
import { resourceOf } from "../identity/access_token.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { type Grant, insertGrant } from "../store/grant.ts";
import { keepClient } from "../store/oauth_client.ts";
import { attachChosen, type Consent, insertCode, insertConsent, renewGrant } from "../store/oauth_consent.ts";
import { dropFamilies, type Family, insertFamily } from "../store/oauth_family.ts";
import type { Choice } from "../store/offer.ts";
import { holdTo } from "../store/quota.ts";
import type { AuthorizationRequest } from "./authorization_request.ts";
import { legibleName } from "./client_name.ts";
import type { OAuthCall } from "./deps.ts";
import { commit, scope } from "./family.ts";
import { usedMs } from "./registration.ts";

/** A person is asked again after this; what they agreed to ends then. */
const lastsMs = 90 * 24 * 3_600_000;
const codeMs = 60_000;
// The same client on several machines; the oldest sign-in makes room.
const familiesMax = 20;

/** What a person has agreed to, and whose consent it is. */
export interface Agreed {
  readonly key: Consent;
  readonly request: AuthorizationRequest;
  readonly choice: Choice;
}

/**
 * Writes a new grant, or renews the one that is known, which keeps its counts; with a sign-in of its client, for whose
 * first tokens this gives the code. Throws, with nothing written, over quota and where the same consent was faster.
 */
export async function giveGrant(call: OAuthCall, agreed: Agreed, known: GrantId | null): Promise<string> {
  const { deps, nowMs } = call;
  const { key, request, choice } = agreed;
  const { team, member } = key;
  const expiresAt = Math.floor((nowMs + lastsMs) / 1000) * 1000;
  const grant = known ?? newId("grt", deps.random);
  // Whatever a program calls itself, it takes no label that a policy trusts.
  const label = `OAuth: ${legibleName(request.client)}`;
  const code = newSecret(deps.random);
  const changes = [
    ...(known
      ? [renewGrant(deps.db, team, known, expiresAt)]
      : newGrant(call, key, { id: grant, label, expiresAt })),
    // One that had expired stands again, so it takes a place as a new one does.
    holdTo(deps.db, "grants", { team, nowMs }),
    attachChosen(deps.db, key, grant, choice.policy.id),
    ...newSignIn(call, agreed, grant, expiresAt, code),
  ];
  const client = request.client.id.slice(0, 300);
  await commit(call, team, { of: "grant", grant }, changes, {
    actor: member,
    action: known ? "grant.renewed" : "grant.created",
    subject: grant,
    detail: { label, client, server: choice.server.slug, policy: choice.policy.slug },
  });
  return code;
}

function newGrant(
  { deps, nowMs }: OAuthCall,
  key: Consent,
  as: Pick<Grant, "id" | "label" | "expiresAt">,
): D1PreparedStatement[] {
  const { team, member } = key;
  const grant = { ...as, team, tags: [], member, creator: member, revokedAt: null, createdAt: nowMs };
  return [insertGrant(deps.db, grant), ...insertConsent(deps.db, key, as.id)];
}

function newSignIn(
  { deps, nowMs }: OAuthCall,
  { request: { client, redirectUri, challenge }, choice: { team, server } }: Agreed,
  grant: GrantId,
  notAfter: number,
  code: string,
): D1PreparedStatement[] {
  const family: Family = {
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
  };
  const redeemable = { family: family.id, redirectUri, challenge, expiresAt: nowMs + codeMs };
  return [
    insertFamily(deps.db, family),
    dropFamilies(deps.db, grant, familiesMax, nowMs),
    ...insertCode(deps.db, hashSecret(code), redeemable, nowMs),
    keepClient(deps.db, client.id, nowMs + usedMs),
  ];
}
