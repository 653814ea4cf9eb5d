import { createHash } from "node:crypto";
import { base64url, type JWK } from "jose";
import type { Issuer } from "./issuer.ts";
import type { IssuerKeys } from "./issuer_keys.ts";
import { idTokenTypes, isUnfit, type Unfit, type Verified, verifyIssuerToken } from "./issuer_token.ts";

/** How the client proves itself at the token endpoint (OpenID Connect Core §9). */
export type ClientAuth = "client_secret_basic" | "client_secret_post" | "private_key_jwt";

/** How people sign in by a team's issuer: its endpoints, and the client that the team has registered there. */
export interface SignInAtIssuer {
  readonly clientId: string;
  readonly auth: ClientAuth;
  readonly scopes: readonly string[];
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** Its answers carry `iss` (RFC 9207), so one without is not its. */
  readonly namesItself: boolean;
  /** The public half of the client's key, where it proves itself by one. */
  readonly publicKey: JWK | null;
}

/** What only the person's browser and we know of one way there and back. */
export interface Secrets {
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636 §4.1. */
  readonly verifier: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

/** Where a person goes to sign in (OpenID Connect Core §3.1.2.1, PKCE with S256). */
export function authorizationUrl(at: SignInAtIssuer, redirectUri: string, secrets: Secrets): string {
  const url = new URL(at.authorizationEndpoint);
  const asked = {
    response_type: "code",
    client_id: at.clientId,
    redirect_uri: redirectUri,
    scope: at.scopes.join(" "),
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: sha256(secrets.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return url.href;
}

/** The code that the person came back with, or why there is none. */
export function codeIn(
  given: URLSearchParams,
  issuer: string,
  { namesItself }: Pick<SignInAtIssuer, "namesItself">,
  state: string,
): string | Unfit {
  if (given.getAll("state").join(" ") !== state) return { why: "The answer is not to this question." };
  const iss = given.getAll("iss");
  // RFC 9207 §2.4, before anything else of the answer is believed.
  if (iss.length === 0 ? namesItself : iss.join(" ") !== issuer) {
    return { why: "The answer comes from another identity provider than the one that was asked." };
  }
  const error = given.get("error");
  if (error !== null)
    return { why: `The identity provider said no: ${error.replaceAll(/[^\w.-]/g, " ").slice(0, 80)}` };
  const [code, ...more] = given.getAll("code");
  return code && more.length === 0 ? code : { why: "The identity provider gave no code." };
}

/** Who signed in, by an ID token that answers this very question (OpenID Connect Core §3.1.3.7). */
export async function verifyIdToken(
  token: string,
  issuer: Issuer,
  { clientId }: Pick<SignInAtIssuer, "clientId">,
  given: {
    readonly nonce: string;
    readonly accessToken: string | null;
    readonly keys: IssuerKeys;
    readonly nowMs: number;
  },
): Promise<Verified | Unfit> {
  const expected = { ...issuer, audience: clientId, types: idTokenTypes };
  const verified = await verifyIssuerToken(token, expected, given.keys, given.nowMs);
  if (isUnfit(verified)) return verified;
  const { aud, azp, nonce, at_hash: atHash } = verified.claims;
  if (nonce !== given.nonce) return { why: "The ID token's `nonce` is not the one that was asked with." };
  if (azp === undefined ? Array.isArray(aud) && aud.length > 1 : azp !== clientId) {
    return { why: "The ID token was given out for another client (`azp`)." };
  }
  if (atHash !== undefined && given.accessToken !== null && !isHashOf(atHash, given.accessToken, token)) {
    return { why: "The ID token belongs to another access token (`at_hash`)." };
  }
  return verified;
}

/** OpenID Connect Core §3.1.3.6: the left half of the hash that goes with the signature's algorithm. */
function isHashOf(atHash: unknown, accessToken: string, idToken: string): boolean {
  const header = JSON.parse(new TextDecoder().decode(base64url.decode(idToken.split(".")[0] ?? ""))) as {
    alg: string;
  };
  const bits = /(?:256|384|512)$/.exec(header.alg)?.[0] ?? "512";
  const hash = createHash(`sha${bits}`).update(accessToken).digest();
  return atHash === hash.subarray(0, hash.length / 2).toString("base64url");
}
