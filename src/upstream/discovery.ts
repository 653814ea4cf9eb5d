import { type Fault, fault, isFault } from "../fault.ts";
import { type Challenge, joinScopes, readChallenge, scopeIn } from "./challenge.ts";
import { type FetchDeps, guardedFetch } from "./fetch.ts";
import { judgeUrl } from "./guard.ts";
import { type Foreign, fetchJson, textAt, textsAt } from "./json_fetch.ts";

/** An authorization server, as its own metadata describes it (RFC 8414). Every address has passed the guard. */
export interface AuthorizationServer {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string | null;
  readonly revocationEndpoint: string | null;
  /** It says in every response who it is (RFC 9207). */
  readonly namesItself: boolean;
  /** It reads client metadata documents, so that a client need not be registered. */
  readonly readsClients: boolean;
  /** How clients may prove themselves at the token endpoint. */
  readonly clientAuth: readonly string[];
  /** It gives refresh tokens to those who ask for `offline_access` (OpenID Connect Core §11). */
  readonly asksOffline: boolean;
}

/** Where to ask for access to a server, and for what. */
export interface Discovered {
  readonly server: AuthorizationServer;
  /** What the tokens are to be for (RFC 8707). */
  readonly resource: string;
  /** What the server says that a client needs; null where it does not say. */
  readonly scope: string | null;
}

/**
 * Finds out who gives access to an MCP server: from the server's refusal and its metadata (RFC 9728), then from the
 * authorization server's own (RFC 8414, OpenID Connect Discovery). `issuer` is the only one that will do; null takes the
 * first that the server names.
 */
export async function discover(
  deps: FetchDeps,
  url: string,
  issuer: string | null,
): Promise<Discovered | Fault> {
  const judged = judgeUrl(url, deps.rules);
  if (isFault(judged)) return judged;
  const challenge = await challengeOf(deps, judged.url);
  const resource = await resourceAt(deps, judged.url, challenge?.resourceMetadata ?? null);
  if (isFault(resource)) return resource;
  const chosen = issuerOf(resource, judged.url, issuer);
  if (isFault(chosen)) return chosen;
  const server = await authorizationServerAt(deps, chosen);
  if (isFault(server)) return server;
  const scope = challenge?.scope ?? scopeIn(resource?.scopes?.join(" "));
  return {
    server,
    resource: resource?.id ?? judged.url.href,
    scope: server.asksOffline ? joinScopes(scope, "offline_access") : scope,
  };
}

// A person waits, for six of these at most.
const eachMs = 5_000;
const probe = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

/** What the server says to a request without a token. A server that does not answer says nothing here. */
async function challengeOf(deps: FetchDeps, url: URL): Promise<Challenge | null> {
  const headers = {
    Accept: "application/json, text/event-stream",
    "Content-Type": "application/json",
    "User-Agent": "portcullis/0.1.0",
  };
  const init = { method: "POST", headers, body: probe };
  const answer = await guardedFetch(deps, url.href, init, { bytesMax: 65_536, timeoutMs: eachMs });
  if (isFault(answer)) return null;
  await answer.body?.cancel();
  return answer.status === 401 ? readChallenge(answer.headers) : null;
}

interface Resource {
  readonly id: string;
  readonly issuers: readonly string[];
  readonly scopes: readonly string[] | null;
}

/** The server's own metadata; null where it has none, as servers up to 2025-03-26. */
async function resourceAt(deps: FetchDeps, url: URL, named: string | null): Promise<Resource | Fault | null> {
  const base = "/.well-known/oauth-protected-resource";
  const places = named === null ? [`${url.origin}${base}${pathOf(url)}`, `${url.origin}${base}`] : [named];
  for (const place of new Set(places)) {
    const found = await fetchJson(deps, place, {}, eachMs);
    if (isFault(found)) {
      if (named !== null) return unusable("the address of its metadata cannot be read", found);
      continue;
    }
    // Many servers answer every path with a page of theirs.
    if (found.status === 200 && textAt(found.body, "resource") !== null) return readResource(found.body, url);
  }
  return named === null ? null : unusable("the metadata that it names is not there");
}

function readResource(body: Foreign, url: URL): Resource | Fault {
  const id = textAt(body, "resource") ?? "";
  if (!isFor(id, url)) return unusable("its metadata is for another resource (RFC 9728 §3.3)");
  const issuers = textsAt(body, "authorization_servers") ?? [];
  return { id, issuers, scopes: textsAt(body, "scopes_supported") };
}

/** RFC 9728 §3.3 wants the very address; MCP lets one resource stand for the paths below it. */
function isFor(id: string, url: URL): boolean {
  const resource = URL.parse(id);
  if (!resource || resource.origin !== url.origin || resource.hash !== "" || resource.username !== "") {
    return false;
  }
  const within = (path: string): string => (path.endsWith("/") ? path : `${path}/`);
  return within(url.pathname).startsWith(within(resource.pathname));
}

function issuerOf(resource: Resource | null, url: URL, wanted: string | null): string | Fault {
  // MCP 2025-03-26: the authorization server is where the server is.
  const named = resource === null ? [url.origin] : resource.issuers;
  const issuer = wanted === null ? named[0] : named.find((one) => sameIssuer(one, wanted));
  if (issuer !== undefined) return issuer;
  return wanted === null
    ? unusable("its metadata names no authorization server")
    : unusable(`it does not name the issuer ${wanted} that it was registered with`);
}

/** Two spellings of one identifier: RFC 8414 compares as text, but an empty path may or may not be written. */
const sameIssuer = (one: string, other: string): boolean =>
  one === other || `${one}/` === other || one === `${other}/`;

async function authorizationServerAt(deps: FetchDeps, issuer: string): Promise<AuthorizationServer | Fault> {
  const judged = judgeUrl(issuer, deps.rules);
  if (isFault(judged)) return judged;
  const { origin, search, hash } = judged.url;
  if (search !== "" || hash !== "") return unusable("its issuer has a query or a fragment (RFC 8414 §2)");
  const path = pathOf(judged.url);
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
  for (const place of new Set(places)) {
    const found = await fetchJson(deps, place, {}, eachMs);
    const isMetadata = !isFault(found) && found.status === 200 && textAt(found.body, "issuer") !== null;
    if (isMetadata) return readServer(deps, found.body, issuer);
  }
  return unusable("its authorization server has no metadata (RFC 8414)");
}

const pathOf = ({ pathname }: URL): string => pathname.replace(/\/$/, "");

function readServer(deps: FetchDeps, body: Foreign, issuer: string): AuthorizationServer | Fault {
  if (textAt(body, "issuer") !== issuer)
    return unusable("the metadata of its authorization server is another's");
  const endpoint = (key: string): string | Fault | null => {
    const text = textAt(body, key);
    if (text === null) return null;
    const judged = judgeUrl(text, deps.rules);
    return isFault(judged)
      ? unusable(`the ${key} of its authorization server cannot be used`)
      : judged.url.href;
  };
  const found = {
    authorizationEndpoint: endpoint("authorization_endpoint"),
    tokenEndpoint: endpoint("token_endpoint"),
    registrationEndpoint: endpoint("registration_endpoint"),
    revocationEndpoint: endpoint("revocation_endpoint"),
  };
  const bad = Object.values(found).find(isFault);
  if (bad) return bad;
  const { authorizationEndpoint, tokenEndpoint } = found;
  if (typeof authorizationEndpoint !== "string" || typeof tokenEndpoint !== "string") {
    return unusable("its authorization server has no endpoints for authorization codes");
  }
  // MCP: a server that does not say that it takes S256 must not be used.
  if (!textsAt(body, "code_challenge_methods_supported")?.includes("S256")) {
    return unusable("its authorization server does not take PKCE with S256");
  }
  return {
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    registrationEndpoint: textOrNull(found.registrationEndpoint),
    revocationEndpoint: textOrNull(found.revocationEndpoint),
    namesItself: body["authorization_response_iss_parameter_supported"] === true,
    readsClients: body["client_id_metadata_document_supported"] === true,
    // RFC 8414 §2: the default.
    clientAuth: textsAt(body, "token_endpoint_auth_methods_supported") ?? ["client_secret_basic"],
    asksOffline: textsAt(body, "scopes_supported")?.includes("offline_access") ?? false,
  };
}

const textOrNull = (value: string | Fault | null): string | null =>
  typeof value === "string" ? value : null;

const unusable = (why: string, because?: Fault): Fault =>
  fault("upstream_bad", `The server cannot be signed in to: ${why}.${because ? ` ${because.detail}` : ""}`);
