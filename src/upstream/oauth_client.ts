import { createHash } from "node:crypto";
import { type Fault, fault, isFault } from "../fault.ts";
import type { AuthorizationServer } from "./discovery.ts";
import type { FetchDeps } from "./fetch.ts";
import { isLoopbackOrigin } from "./guard.ts";
import { type Foreign, fetchJson, legible, textAt } from "./json_fetch.ts";

/** Who we are to one authorization server. The secret is one: never logged, never answered. */
export interface OauthClient {
  readonly id: string;
  readonly secret: string | null;
  readonly auth: "none" | "client_secret_basic" | "client_secret_post";
  readonly redirectUri: string;
  /** When a registration ends, in ms; absent where it does not. */
  readonly endsAtMs?: number;
}

const callback = "/connect/callback";
export const clientDocumentPath = "/connect/client.json";

/**
 * Where an authorization server sends people back to. One that does not say in its response who it is (RFC 9207) gets an
 * address of its own, so that another cannot have its codes brought to us as if they were theirs (RFC 9700 §4.4.2.2).
 */
export const redirectUriFor = (origin: string, issuer: string, namesItself: boolean): string =>
  namesItself ? `${origin}${callback}` : `${origin}${callback}/${issuerTag(issuer)}`;

const issuerTag = (issuer: string): string =>
  createHash("sha256").update(issuer).digest("base64url").slice(0, 16);

/** Our client metadata document, whose address is our name wherever such documents are read. */
export const clientDocument = (origin: string) => ({
  client_id: `${origin}${clientDocumentPath}`,
  ...metadata(origin, `${origin}${callback}`),
});

const metadata = (origin: string, redirectUri: string) => ({
  client_name: "Portcullis",
  client_uri: origin,
  redirect_uris: [redirectUri],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  application_type: "web",
  token_endpoint_auth_method: "none",
});

/** A client that a person has registered by hand, for one issuer. */
export interface PresetClient {
  readonly id: string;
  readonly secret: string | null;
}

/** The client by which a person's own registration is used. */
export const presetClient = (
  origin: string,
  { issuer, clientAuth }: AuthorizationServer,
  { id, secret }: PresetClient,
): OauthClient => ({
  id,
  secret,
  auth: secret === null ? "none" : secretAuth(clientAuth),
  redirectUri: redirectUriFor(origin, issuer, false),
});

/** The client by which our own document names us; null where the server reads none, or could not fetch or trust ours. */
export function documentClient(origin: string, server: AuthorizationServer): OauthClient | null {
  // Without `iss` in its responses, the one redirect address that the document names would be open to mix-up.
  if (!server.readsClients || !server.namesItself || !mayName(origin, server.issuer)) return null;
  const { client_id: id } = clientDocument(origin);
  return { id, secret: null, auth: "none", redirectUri: redirectUriFor(origin, server.issuer, true) };
}

/** A client's address is https; on one machine only a neighbour can read it. */
const mayName = (origin: string, issuer: string): boolean =>
  origin.startsWith("https:") || (isLoopbackOrigin(origin) && isLoopbackOrigin(issuer));

/** Registers us (RFC 7591), as a client without a secret where the server lets us. */
export async function registerClient(
  deps: FetchDeps,
  origin: string,
  server: AuthorizationServer,
): Promise<OauthClient | Fault> {
  if (server.registrationEndpoint === null) return registerByHand;
  const auth = server.clientAuth.includes("none") ? "none" : secretAuth(server.clientAuth);
  const redirectUri = redirectUriFor(origin, server.issuer, server.namesItself);
  const answer = await fetchJson(deps, server.registrationEndpoint, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...metadata(origin, redirectUri), token_endpoint_auth_method: auth }),
  });
  if (isFault(answer)) return answer;
  if (answer.status !== 201 && answer.status !== 200) return refusedRegistration(answer.status, answer.body);
  return readRegistration(answer.body, redirectUri) ?? refusedRegistration(answer.status, answer.body);
}

const secretAuth = (offered: readonly string[]): "client_secret_basic" | "client_secret_post" =>
  offered.includes("client_secret_basic") || !offered.includes("client_secret_post")
    ? "client_secret_basic"
    : "client_secret_post";

const credential = /^[\x20-\x7e]{1,2048}$/;

function readRegistration(body: Foreign, redirectUri: string): OauthClient | null {
  const id = textAt(body, "client_id");
  const secret = textAt(body, "client_secret");
  if (id === null || !credential.test(id) || (secret !== null && !credential.test(secret))) return null;
  if (secret === null) return { id, secret, auth: "none", redirectUri };
  const given = textAt(body, "token_endpoint_auth_method") ?? "client_secret_basic";
  // RFC 7591 §3.2.1: in seconds, and 0 is never.
  const endsAtMs = Number(body["client_secret_expires_at"]) * 1000;
  return { id, secret, auth: secretAuth([given]), redirectUri, ...(endsAtMs > 0 && { endsAtMs }) };
}

const registerByHand = fault(
  "upstream_bad",
  "The server's authorization server takes no client that it does not know. Register one there by hand, and give its `issuer`, `client_id` and `client_secret` with the server's `auth`.",
);

const refusedRegistration = (status: number, body: Foreign): Fault =>
  fault(
    "upstream_bad",
    `The server's authorization server did not register this gateway: ${status} ${legible(textAt(body, "error") ?? "")}`.trim(),
  );
