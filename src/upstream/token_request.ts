import { base64url } from "jose";
import { type Fault, fault, isFault } from "../fault.ts";
import { scopeIn } from "./challenge.ts";
import type { FetchDeps } from "./fetch.ts";
import { type Foreign, fetchJson, legible, textAt } from "./json_fetch.ts";
import type { OauthClient } from "./oauth_client.ts";

/** Where an account's tokens come from and what they are for: neither may change without signing in again. */
export interface Source {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | null;
  readonly client: OauthClient;
  readonly resource: string;
  /** The exact origin of the server that the access token may be sent to. */
  readonly origin: string;
}

/** What an authorization server has given. Secrets. Times are in ms since 1970. */
export interface Tokens {
  readonly access: string;
  readonly refresh: string | null;
  /** null: it does not say. */
  readonly expiresAtMs: number | null;
  /** Shortly before that: so that no request is overtaken by the end on its way. */
  readonly renewAtMs: number | null;
  readonly scope: string;
}

/** `ended`: the authorization server has said that there is nothing more to be had by this. */
export type Refused = Fault & { readonly ended: boolean };

/** Exchanges a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5, RFC 8707 §2.2). */
export function exchangeCode(
  deps: FetchDeps,
  source: Source,
  given: { readonly code: string; readonly verifier: string; readonly scope: string | null },
  nowMs: number,
): Promise<Tokens | Refused> {
  const form = {
    grant_type: "authorization_code",
    code: given.code,
    code_verifier: given.verifier,
    redirect_uri: source.client.redirectUri,
    resource: source.resource,
  };
  return ask(deps, source, form, { refresh: null, scope: given.scope ?? "" }, nowMs);
}

/** Renews tokens (RFC 6749 §6). The refresh token that comes back, if one does, takes the place of the one before. */
export function refreshTokens(
  deps: FetchDeps,
  source: Source,
  { refresh, scope }: { readonly refresh: string; readonly scope: string },
  nowMs: number,
): Promise<Tokens | Refused> {
  const form = { grant_type: "refresh_token", refresh_token: refresh, resource: source.resource };
  return ask(deps, source, form, { refresh, scope }, nowMs);
}

/** Has the authorization server forget a token (RFC 7009), where it offers that. Whether it does is its concern. */
export async function revokeToken(
  deps: FetchDeps,
  { revocationEndpoint, client }: Source,
  token: string,
  hint: "access_token" | "refresh_token",
): Promise<void> {
  if (revocationEndpoint === null) return;
  await post(deps, revocationEndpoint, client, { token, token_type_hint: hint });
}

const post = (deps: FetchDeps, url: string, client: OauthClient, form: Record<string, string>) => {
  const headers = new Headers({ "Content-Type": "application/x-www-form-urlencoded" });
  const body = new URLSearchParams(form);
  if (client.secret !== null && client.auth === "client_secret_basic") {
    headers.set("Authorization", basicAuthorization(client.id, client.secret));
  } else {
    body.set("client_id", client.id);
    if (client.secret !== null) body.set("client_secret", client.secret);
  }
  return fetchJson(deps, url, { method: "POST", headers, body: body.toString() });
};

/** RFC 6749 §2.3.1: each part is written as in a form before the two are joined. */
export function basicAuthorization(id: string, secret: string): string {
  const written = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
  const bytes = new TextEncoder().encode(`${written(id)}:${written(secret)}`);
  const text = base64url.encode(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return `Basic ${text.padEnd(Math.ceil(text.length / 4) * 4, "=")}`;
}

async function ask(
  deps: FetchDeps,
  { tokenEndpoint, client }: Source,
  form: Record<string, string>,
  before: Pick<Tokens, "refresh" | "scope">,
  nowMs: number,
): Promise<Tokens | Refused> {
  const answer = await post(deps, tokenEndpoint, client, form);
  if (isFault(answer)) return { ...answer, ended: false };
  if (answer.status !== 200) return refusedBy(answer.status, answer.body);
  return readTokens(answer.body, before, nowMs) ?? unreadable;
}

// It goes into a header as it is.
const tokenText = /^[\x21-\x7e]{1,8192}$/;

function readTokens(body: Foreign, before: Pick<Tokens, "refresh" | "scope">, nowMs: number): Tokens | null {
  const access = textAt(body, "access_token");
  const refresh = textAt(body, "refresh_token") ?? before.refresh;
  if (access === null || !tokenText.test(access) || (refresh !== null && !tokenText.test(refresh)))
    return null;
  if (textAt(body, "token_type")?.toLowerCase() !== "bearer") return null;
  const scope = scopeIn(textAt(body, "scope")) ?? before.scope;
  return { access, refresh, scope, ...lifetimeOf(body["expires_in"], nowMs) };
}

// Whoever promises more promises nothing.
const lifetimeMaxS = 10 * 365 * 86_400;
const earlyMsMax = 60_000;

function lifetimeOf(given: unknown, nowMs: number): Pick<Tokens, "expiresAtMs" | "renewAtMs"> {
  const seconds = Number(given);
  if (given === null || !(seconds > 0 && seconds < lifetimeMaxS))
    return { expiresAtMs: null, renewAtMs: null };
  const expiresAtMs = nowMs + seconds * 1000;
  return { expiresAtMs, renewAtMs: expiresAtMs - Math.min(earlyMsMax, seconds * 200) };
}

const unreadable: Refused = {
  ...fault("upstream_bad", "The authorization server's answer holds no bearer token that can be used."),
  ended: false,
};

// RFC 6749 §5.2: what asking again cannot mend.
const final = [
  "invalid_grant",
  "invalid_client",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
];

function refusedBy(status: number, body: Foreign): Refused {
  const error = textAt(body, "error") ?? "";
  const detail = `The authorization server answered ${status} ${legible(error)}`.trim();
  return { ...fault("upstream_bad", `${detail}.`), ended: status < 500 && final.includes(error) };
}
