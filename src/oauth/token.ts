import { resourceOf } from "../identity/access_token.ts";
import { readIssuerKeys } from "../identity/issuer_keys.ts";
import { verifyRefreshToken } from "../identity/refresh_token.ts";
import { hashSecret } from "../identity/secret.ts";
import { findMachineClient, listGateways, type MachineClient } from "../store/machine_client.ts";
import { findCode, useCode } from "../store/oauth_consent.ts";
import { findFamily, rotateFamily, type StandingFamily } from "../store/oauth_family.ts";
import { findClient, keysOf } from "./client.ts";
import { type Credentials, prove, readCredentials, unproved } from "./client_auth.ts";
import type { OAuthCall } from "./deps.ts";
import { answerTokens, end } from "./family.ts";
import { jwtBearer, redeemAssertion } from "./id_jag.ts";
import { fitsChallenge } from "./pkce.ts";
import { answerRefusal, isRefusal, type Refusal, refuse } from "./refusal.ts";
import { type Parameters, readForm } from "./request.ts";

type Grant = (call: OAuthCall, form: Parameters, credentials: Credentials) => Promise<Response | Refusal>;

const grants: Readonly<Record<string, Grant>> = {
  authorization_code: redeemCode,
  refresh_token: refresh,
  client_credentials: signInMachine,
  [jwtBearer]: redeemAssertion,
};

/** The grant types that the token endpoint takes. */
export const grantTypes = Object.keys(grants);

/** `POST /token` (RFC 6749 §3.2). It reads no cookie. */
export async function token(request: Request, call: OAuthCall): Promise<Response> {
  const answer = await answerTo(request, call);
  return isRefusal(answer) ? answerRefusal(answer) : answer;
}

async function answerTo(request: Request, call: OAuthCall): Promise<Response | Refusal> {
  const form = await readForm(request);
  if (isRefusal(form)) return form;
  const type = form.get("grant_type") ?? "";
  const grant = Object.hasOwn(grants, type) ? grants[type] : undefined;
  if (!grant) return refuse("unsupported_grant_type", `grant_type must be one of ${grantTypes.join(", ")}.`);
  const credentials = readCredentials(request.headers, form);
  return isRefusal(credentials) ? credentials : grant(call, form, credentials);
}

const badCode = refuse(
  "invalid_grant",
  "The code is not valid: it works once, for 60 seconds, and for the client that it was given to. Start again.",
);

/** RFC 6749 §4.1.3. The client is known by the code before anything is asked of its own address. */
async function redeemCode(
  call: OAuthCall,
  form: Parameters,
  credentials: Credentials,
): Promise<Response | Refusal> {
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
}

/** For how long a client that did not get its answer may ask again with the token it has used. */
const graceMs = 30_000;

const badRefresh = refuse(
  "invalid_grant",
  "The refresh token is not valid: it works once, and its sign-in may have ended. Ask the person again.",
);

/**
 * RFC 6749 §6, with rotation. A token that was used before ends its sign-in (RFC 9700 §4.14.2): of its two users one is
 * not the client. Only its direct predecessor, and only for a moment, gives the same next one again, which nobody has
 * used yet: so a lost answer or two requests at once are no theft, and a thief gains nothing that would stay unnoticed.
 */
async function refresh(
  call: OAuthCall,
  form: Parameters,
  credentials: Credentials,
): Promise<Response | Refusal> {
  const { deps, nowMs } = call;
  const shown = await verifyRefreshToken(form.get("refresh_token") ?? "", deps.keys, deps.origin, nowMs);
  const family = shown && (await findFamily(deps.db, shown.family));
  if (!family || family.client !== credentials.clientId) return badRefresh;
  const refused = await proveSignedIn(call, family, credentials);
  if (refused) return refused;
  if (family.endsAt <= nowMs || shown.generation > family.generation) return badRefresh;
  if (!isFor(form, family.resource)) return wrongResource;
  if (
    shown.generation === family.generation &&
    (await rotateFamily(deps.db, family.id, shown.generation, nowMs))
  ) {
    return answerTokens(call, family, family.resource, shown.generation + 1);
  }
  const now = await findFamily(deps.db, family.id);
  if (
    now &&
    shown.generation === now.generation - 1 &&
    nowMs - now.rotatedAt <= graceMs &&
    now.endsAt > nowMs
  ) {
    return answerTokens(call, now, now.resource, now.generation);
  }
  await end(call, family, "refresh_token_used_twice");
  return badRefresh;
}

/** The client of a sign-in proves itself as it could when its person agreed: a public one needs no look at its document. */
export async function proveSignedIn(
  call: OAuthCall,
  family: StandingFamily,
  credentials: Credentials,
): Promise<Refusal | null> {
  const { clientId, proof } = credentials;
  if (clientId !== family.client) return unproved;
  // Only a machine's sign-in is for no gateway in particular.
  const machine = family.resource === "" ? await findMachineClient(call.deps.db, clientId) : null;
  if (machine) return proveMachine(call, machine, credentials);
  if (family.clientMethod === "none") return proof.kind === "none" ? null : unproved;
  const client = await findClient(call.deps, clientId);
  if (isRefusal(client)) return client;
  return prove(call, { ...client, keys: () => keysOf(call.deps, client) }, credentials);
}

function proveMachine(
  call: OAuthCall,
  { id, secretHash, keys }: MachineClient,
  credentials: Credentials,
): Promise<Refusal | null> {
  const method = secretHash === null ? "private_key_jwt" : "client_secret_basic";
  const published = async () => (keys === null ? null : readIssuerKeys(JSON.parse(keys)));
  return prove(call, { id, method, secretHash, keys: published }, credentials);
}

/** RFC 6749 §4.4: a machine that an admin of its team has given a client. */
async function signInMachine(
  call: OAuthCall,
  form: Parameters,
  credentials: Credentials,
): Promise<Response | Refusal> {
  const { deps, nowMs } = call;
  const machine = await findMachineClient(deps.db, credentials.clientId);
  if (!machine) return unproved;
  const refused = await proveMachine(call, machine, credentials);
  if (refused) return refused;
  const family = await findFamily(deps.db, machine.family);
  if (!family || family.endsAt <= nowMs) {
    return refuse(
      "invalid_grant",
      "The grant of this client was revoked or has expired. Ask an admin of the team.",
    );
  }
  const resources = (await listGateways(deps.db, machine.team, machine.grant)).map(
    ({ teamSlug, serverSlug }) => resourceOf(deps.origin, teamSlug, serverSlug),
  );
  const resource = form.get("resource") ?? (resources.length === 1 ? resources[0] : undefined);
  return resource !== undefined && resources.includes(resource)
    ? answerTokens(call, family, resource, null)
    : refuse(
        "invalid_target",
        "Send resource: the gateway URL of one of the grant's servers, such as https://…/mcp/team/server.",
      );
}

/** RFC 8707 §2.2: a client may name the resource again, and no other. */
const isFor = (form: Parameters, resource: string): boolean =>
  (form.get("resource") ?? resource) === resource;

const wrongResource = refuse("invalid_target", "resource is not the gateway that the person agreed to.");
