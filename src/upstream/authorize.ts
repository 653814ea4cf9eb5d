import { createHash } from "node:crypto";
import { base64url } from "jose";
import { type Fault, fault } from "../fault.ts";
import type { Random } from "../id.ts";
import { legible } from "./json_fetch.ts";
import type { Source } from "./token_request.ts";

/** A person's way to an authorization server and back: what only we know of it. The verifier is a secret. */
export interface Attempt {
  readonly source: Source;
  readonly scope: string | null;
  readonly verifier: string;
  /** It says in its response who it is (RFC 9207). */
  readonly namesItself: boolean;
}

const secretText = (random: Random): string => base64url.encode(random(32));

/** A `state`, and the verifier of a code challenge (RFC 7636 §4.1): 256 random bits each. */
export const newSecrets = (random: Random): { readonly state: string; readonly verifier: string } => ({
  state: secretText(random),
  verifier: secretText(random),
});

/** Under which a state is stored: who reads the database cannot come back with it. */
export const stateHash = (state: string): string => createHash("sha256").update(state).digest("hex");

/** The address to which the person goes (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1). */
export function authorizeUrl(
  endpoint: string,
  { source: { client, resource }, scope, verifier }: Attempt,
  state: string,
): string {
  const url = new URL(endpoint);
  const asked = {
    response_type: "code",
    client_id: client.id,
    redirect_uri: client.redirectUri,
    state,
    code_challenge: base64url.encode(createHash("sha256").update(verifier).digest()),
    code_challenge_method: "S256",
    resource,
    ...(scope !== null && { scope }),
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return url.href;
}

/** The code in the address at which the person came back, or why there is none. */
export function codeIn(url: URL, { source, namesItself }: Attempt): string | Fault {
  const { client, issuer } = source;
  const given = url.searchParams;
  if (client.redirectUri !== `${new URL(client.redirectUri).origin}${url.pathname}`) return otherServer;
  // RFC 9207 §2.4, before anything else of the response is believed.
  const iss = given.getAll("iss");
  if (iss.length > 1 || (iss.length === 0 && namesItself) || (iss.length === 1 && iss[0] !== issuer)) {
    return otherServer;
  }
  const error = given.get("error");
  if (error !== null) return refused(error);
  const code = given.getAll("code");
  return code.length === 1 && code[0] ? code[0] : refused("no code");
}

const otherServer = fault(
  "invalid",
  "This answer comes from another authorization server than the one that was asked. Nothing was connected.",
);

const refused = (error: string): Fault =>
  fault("invalid", `The authorization server gave no access: ${legible(error)}. Nothing was connected.`);
