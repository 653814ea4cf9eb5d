import { readIssuerKeys } from "../identity/issuer_keys.ts";
import { findMachineClient, type MachineClient } from "../store/machine_client.ts";
import type { StandingFamily } from "../store/oauth_family.ts";
import { findClient, keysOf } from "./client.ts";
import { type Credentials, prove, unproved } from "./client_auth.ts";
import type { OAuthCall } from "./deps.ts";
import { isRefusal, type Refusal, refuse } from "./refusal.ts";
import type { Parameters } from "./request.ts";

/** One way to get tokens: what the form and the client's proof, not yet checked, come to. */
export type GrantType = (
  call: OAuthCall,
  form: Parameters,
  credentials: Credentials,
) => Promise<Response | Refusal>;

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

/** A machine proves itself as its admin has set it up. */
export function proveMachine(
  call: OAuthCall,
  { id, secretHash, keys }: MachineClient,
  credentials: Credentials,
): Promise<Refusal | null> {
  const method = secretHash === null ? "private_key_jwt" : "client_secret_basic";
  const published = async () => (keys === null ? null : readIssuerKeys(JSON.parse(keys)));
  return prove(call, { id, method, secretHash, keys: published }, credentials);
}

/** RFC 8707 §2.2: a client may name the resource again, and no other. */
export const isFor = (form: Parameters, resource: string): boolean =>
  (form.get("resource") ?? resource) === resource;

export const wrongResource = refuse(
  "invalid_target",
  "resource is not the gateway that the person agreed to.",
);
