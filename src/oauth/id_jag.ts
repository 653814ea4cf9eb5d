import { type Fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { accessLifetimeMs } from "../identity/access_token.ts";
import type { Issuer } from "../identity/issuer.ts";
import { isUnfit, readUnverified, type Verified } from "../identity/issuer_token.ts";
import { hashSecret } from "../identity/secret.ts";
import { keepClient, useAssertion } from "../store/oauth_client.ts";
import { dropFamilies, type Family, insertFamily } from "../store/oauth_family.ts";
import { findClient, keysOf } from "./client.ts";
import { type Credentials, prove } from "./client_auth.ts";
import type { OAuthCall } from "./deps.ts";
import { answerTokens, commit, scope } from "./family.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import { usedMs } from "./registration.ts";
import type { Parameters } from "./request.ts";

/** RFC 7523 §2.1. The one kind of assertion that is taken is an identity assertion of a team's own issuer (ID-JAG). */
export const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const assertionTypes = ["oauth-id-jag+jwt"];
/** How long an assertion is remembered past its end: as far as clocks may differ, twice. */
const rememberedS = 120;
const familiesMax = 20;

const badAssertion = refuse(
  "invalid_grant",
  "The assertion must be an unused ID-JAG of the team's identity provider: typ oauth-id-jag+jwt, aud this server's issuer, client_id this client, resource the gateway, a jti.",
);
const publicClient = refuse(
  "invalid_client",
  "This grant is for clients that prove who they are: register one with a secret or a key.",
);
const noResource = refuse(
  "invalid_target",
  "Send resource: the gateway URL that the assertion is for, such as https://.../mcp/team/server.",
);

/**
 * Gives an access token for what a company's identity provider says that this client may do for its person: the grant is
 * the person's, as with any token of that issuer. There is no refresh token, because the issuer is asked again.
 */
export async function redeemAssertion(
  call: OAuthCall,
  form: Parameters,
  credentials: Credentials,
): Promise<Response | Refusal> {
  if (credentials.proof.kind === "none") return publicClient;
  const client = await findClient(call.deps, credentials.clientId);
  if (isRefusal(client)) return client;
  const unproved = await prove(call, { ...client, keys: () => keysOf(call.deps, client) }, credentials);
  if (unproved) return unproved;
  const assertion = form.get("assertion") ?? "";
  const resource = form.get("resource") ?? resourceIn(assertion);
  const team = resource === null ? null : teamOf(resource, call.deps.origin);
  if (resource === null || team === null) return noResource;
  const found = await call.deps.assertion(assertion, team, {
    audience: call.deps.origin,
    types: assertionTypes,
    fits: (verified, issuer) => isUnused(call, client.id, resource, verified, issuer),
  });
  if (!found) return badAssertion;
  if (isFault(found)) return asRefusal(found);
  return signIn(call, found, { client: client.id, clientMethod: client.method, resource });
}

/** Whether an assertion is for this client and gateway, and is shown for the first time. */
async function isUnused(
  { deps, nowMs }: OAuthCall,
  client: string,
  resource: string,
  { claims, exp }: Verified,
  { team, issuer }: Issuer,
): Promise<boolean> {
  const { client_id: forClient, resource: forResource, jti } = claims;
  if (forClient !== client || !names(forResource, resource)) return false;
  if (typeof jti !== "string" || jti === "") return false;
  const once = hashSecret(JSON.stringify([team, issuer, jti]));
  return useAssertion(deps.db, once, (exp + rememberedS) * 1000, nowMs);
}

/** The gateway that an assertion names. Nothing of it is believed: it says in which team the issuer is looked up. */
function resourceIn(assertion: string): string | null {
  const read = readUnverified(assertion);
  if (isUnfit(read)) return null;
  const { resource } = read.claims;
  const [one, ...more] = Array.isArray(resource) ? resource : [resource];
  return typeof one === "string" && more.length === 0 ? one : null;
}

function teamOf(resource: string, origin: string): string | null {
  const path = resource.startsWith(`${origin}/mcp/`) ? resource.slice(origin.length) : "";
  return /^\/mcp\/([a-z0-9][a-z0-9-]{0,62})\/[a-z0-9][a-z0-9-]{0,62}$/.exec(path)?.[1] ?? null;
}

/** An assertion without a resource leaves it to the client: the mapping still says which servers there are. */
const names = (claimed: unknown, resource: string): boolean =>
  claimed === undefined || claimed === resource || (Array.isArray(claimed) && claimed.includes(resource));

function asRefusal({ fault: code, detail }: Fault): Refusal {
  switch (code) {
    case "unavailable":
      return refuse("temporarily_unavailable", detail);
    default:
      return refuse("access_denied", detail);
  }
}

async function signIn(
  call: OAuthCall,
  { grant, team }: Pick<NonNullable<Asserted>, "grant" | "team">,
  of: Pick<Family, "client" | "clientMethod" | "resource">,
): Promise<Response> {
  const { deps, nowMs } = call;
  const notAfter = nowMs + accessLifetimeMs;
  const id = newId("fam", deps.random);
  const family: Family = {
    id,
    grant,
    ...of,
    scope,
    generation: 1,
    rotatedAt: nowMs,
    notAfter,
    createdAt: nowMs,
  };
  const changes = [
    insertFamily(deps.db, family),
    dropFamilies(deps.db, grant, familiesMax, nowMs),
    keepClient(deps.db, of.client, nowMs + usedMs),
  ];
  await commit(call, team, { of: "grant", grant }, changes, {
    actor: "system",
    action: "sign_in.asserted",
    subject: grant,
    detail: { client: of.client.slice(0, 300), family: id, resource: of.resource },
  });
  return answerTokens(call, { ...family, team, endsAt: notAfter }, of.resource, null);
}

type Asserted = Exclude<Awaited<ReturnType<OAuthCall["deps"]["assertion"]>>, Fault>;
