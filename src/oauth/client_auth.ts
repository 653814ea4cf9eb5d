import { type IssuerAlgorithm, issuerAlgorithms } from "../identity/issuer.ts";
import type { IssuerKeys } from "../identity/issuer_keys.ts";
import { isUnfit, readUnverified, verifyIssuerToken } from "../identity/issuer_token.ts";
import { hashSecret, isSecret } from "../identity/secret.ts";
import { useAssertion } from "../store/oauth_client.ts";
import type { ClientMethod } from "./client.ts";
import type { OAuthCall } from "./deps.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { Parameters } from "./request.ts";

/** Who a request to the token endpoint says it comes from, and what it shows for that. */
export interface Credentials {
  readonly clientId: string;
  readonly proof:
    | { readonly kind: "none" }
    | { readonly kind: "secret"; readonly secret: string }
    | { readonly kind: "assertion"; readonly assertion: string };
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The client's id and its proof; it may show one proof only (RFC 6749 §2.3). Nothing is checked yet. */
export function readCredentials(headers: Headers, form: Parameters): Credentials | Refusal {
  const basic = headers.get("Authorization");
  const secret = form.get("client_secret");
  const assertion = form.get("client_assertion");
  const shown = [basic, secret, assertion].filter((one) => one !== null && one !== undefined);
  if (shown.length > 1) return refuse("invalid_request", "Authenticate in one way only.");
  const given = form.get("client_id");
  if (basic !== null) return readBasic(basic, given);
  if (assertion !== undefined) return readAssertion(assertion, form.get("client_assertion_type"), given);
  if (given === undefined) return refuse("invalid_client", "Send client_id.");
  return secret === undefined ? { clientId: given, proof: { kind: "none" } } : bySecret(given, secret);
}

/** A client that is an address has no secret, so its document need not be asked for. */
const bySecret = (clientId: string, secret: string): Credentials | Refusal =>
  /^https?:/i.test(clientId) ? unproved : { clientId, proof: { kind: "secret", secret } };

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
function readBasic(header: string, given: string | undefined): Credentials | Refusal {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  const pair = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const [clientId, secret] = [pair.slice(0, Math.max(colon, 0)), pair.slice(colon + 1)].map(formDecoded);
  if (colon < 1 || !clientId || !secret) return malformed;
  if (given !== undefined && given !== clientId) return twoClients;
  return bySecret(clientId, secret);
}

function formDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** RFC 7523 §3: the assertion's own `iss` and `sub` are the client. */
function readAssertion(
  assertion: string,
  type: string | undefined,
  given: string | undefined,
): Credentials | Refusal {
  if (type !== assertionType)
    return refuse("invalid_request", `client_assertion_type must be ${assertionType}.`);
  const read = readUnverified(assertion);
  if (isUnfit(read)) return badAssertion;
  const { sub } = read.claims;
  if (typeof sub !== "string" || sub === "") return badAssertion;
  if (given !== undefined && given !== sub) return twoClients;
  return { clientId: sub, proof: { kind: "assertion", assertion } };
}

/** A client as it must prove itself. */
export interface Provable {
  readonly id: string;
  readonly method: ClientMethod;
  readonly secretHash: string | null;
  readonly keys: () => Promise<IssuerKeys | null>;
}

/** Whether the proof is the client's; null where it is. */
export async function prove(
  call: OAuthCall,
  client: Provable,
  { clientId, proof }: Credentials,
): Promise<Refusal | null> {
  if (clientId !== client.id) return unproved;
  switch (proof.kind) {
    case "none":
      return client.method === "none" ? null : unproved;
    case "secret":
      return client.secretHash !== null && isSecret(proof.secret, client.secretHash) ? null : unproved;
    case "assertion":
      return client.method === "private_key_jwt" ? proveByAssertion(call, client, proof.assertion) : unproved;
    default:
      return unproved;
  }
}

const assertionLifetimeMaxS = 3_600;
const algorithms: readonly IssuerAlgorithm[] = issuerAlgorithms;

async function proveByAssertion(
  { deps, nowMs }: OAuthCall,
  client: Provable,
  assertion: string,
): Promise<Refusal | null> {
  const keys = await client.keys();
  if (!keys) return refuse("invalid_client", "The client's public keys cannot be read.");
  const verified = await verifyByAny(
    [deps.origin, `${deps.origin}/token`].map((audience) => ({
      issuer: client.id,
      audience,
      algorithms,
      types: ["jwt", "client-authentication+jwt", undefined],
    })),
    (expected) => verifyIssuerToken(assertion, expected, keys, nowMs),
  );
  if (isUnfit(verified)) return refuse("invalid_client", verified.why);
  const { jti } = verified.claims;
  if (verified.sub !== client.id || typeof jti !== "string" || jti === "") return badAssertion;
  if (verified.exp - nowMs / 1000 > assertionLifetimeMaxS) return badAssertion;
  const once = hashSecret(JSON.stringify([client.id, jti]));
  // Remembered until its time is up, and as long again as clocks may differ.
  const used = await useAssertion(deps.db, once, (verified.exp + 120) * 1000, nowMs);
  return used ? null : refuse("invalid_client", "This assertion was used before. Sign a new one each time.");
}

/** The first of several that fits, or why the last does not. */
async function verifyByAny<E, T extends object>(
  all: readonly E[],
  verify: (one: E) => Promise<T>,
): Promise<T> {
  const [first, ...rest] = all;
  if (first === undefined) throw new Error("nothing is expected");
  const verified = await verify(first);
  return isUnfit(verified) && rest.length > 0 ? verifyByAny(rest, verify) : verified;
}

/** One answer for a client that is not there, and for one that does not prove itself. */
export const unproved = refuse(
  "invalid_client",
  "There is no such client, or this does not prove that it is the one.",
);
const malformed = refuse(
  "invalid_client",
  "The Authorization header is not what RFC 6749, 2.3.1 makes of it.",
);
const twoClients = refuse("invalid_request", "client_id is not the client that is authenticated.");
const badAssertion = refuse(
  "invalid_client",
  "The client_assertion must be a JWT with iss and sub as the client's id, aud as this server, a jti, iat, and an exp of an hour at most.",
);
